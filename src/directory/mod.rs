//! The directory: everything that a decision needs, in memory.
//!
//! It is loaded once and then follows the events. Reading it takes no lock and asks no database;
//! so tokens continue to flow while the database is away, and the directory says how old its
//! knowledge is.

mod effective_grant;
mod entry;
mod error;
mod event_log;
mod following;
mod issuer_index;
mod metrics;
mod partial;
mod revocations;
mod security;
mod spiffe_index;
mod usage;

pub use effective_grant::{EffectiveGrant, GrantEntry, Resources};
pub use entry::{
    AllowedMethods, ClientEntry, KeysEntry, SecretEntry, SecretMemory, SecurityEntry,
    SpiffeTrustEntry, TrustEntry,
};
pub use error::DirectoryError;
pub use following::Progress;
pub use issuer_index::{TooManyTrusts, TrustCandidate};
pub use metrics::{DirectoryMetrics, SecretCensus};
pub use revocations::Revocations;
pub use usage::{Entry, UsageStats};

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Mutex, watch};

use crate::directory::effective_grant::GrantInterner;
use crate::directory::issuer_index::IssuerIndex;
use crate::directory::security::SharedKeys;
use crate::directory::spiffe_index::SpiffeIndex;
use crate::keys::keyring::Keyring;
use crate::keys::seal::MasterKeys;
use crate::model::client::ClientId;
use crate::model::event::Head;
use crate::model::facts::Facts;
use crate::model::resource::Resource;
use crate::model::spiffe_id::{SpiffeId, TrustDomain};
use crate::model::time::{Clock, Timestamp};
use crate::remote_keys::KeySets;
use crate::store::client_snapshot::{ClientSnapshot, Page};
use crate::store::{Store, StoreError};

/// How many rows are read at a time.
const PAGE: u32 = 1_000;

/// How many of them are put in without a break.
const YIELD_EVERY: usize = 50;

/// From so many changed clients on, all are loaded anew instead of one by one.
const MAX_SINGLE_RELOADS: usize = 500;

/// The memory of one instance.
pub struct Directory {
    clients: papaya::HashMap<ClientId, Arc<ClientEntry>>,
    allowed_methods: Mutex<HashSet<Arc<AllowedMethods>>>,
    grants: GrantInterner,
    resources: ArcSwap<Resources>,
    keyring: ArcSwap<Keyring>,
    keep_seconds: i64,
    imported_secrets: AtomicUsize,
    issuer_index: IssuerIndex,
    spiffe_index: SpiffeIndex,
    shared_keys: SharedKeys,
    followed_at: AtomicI64,
    followed_to: Mutex<Head>,
    published: AtomicI64,
    progress: watch::Sender<Progress>,
    /// The use of secrets since it was last written.
    pub usage: UsageStats,
    /// The tokens that have ended before their time.
    pub revocations: Revocations,
    /// Key sets that are fetched from elsewhere.
    pub key_sets: KeySets,
    /// Figures of this memory for metrics.
    pub metrics: DirectoryMetrics,
}

impl Directory {
    /// Loads everything. A replaced signing key stays published for `keep_seconds`, and so many of
    /// the busiest clients are counted one by one.
    pub async fn load(
        store: &Store,
        master: &MasterKeys,
        keep_seconds: i64,
        per_client: usize,
        clock: &Clock,
    ) -> Result<Self, DirectoryError> {
        // The place in the events comes first: what changes while we load is read again later.
        let head = store.head().await?;
        let directory = Self::empty(keep_seconds, clock, &head, per_client);
        directory.load_everything(store, master).await?;
        directory.publish(head.sequence);
        Ok(directory)
    }

    fn empty(keep_seconds: i64, clock: &Clock, head: &Head, per_client: usize) -> Self {
        let metrics = DirectoryMetrics::new(per_client);
        Self {
            clients: papaya::HashMap::new(),
            allowed_methods: Mutex::default(),
            grants: GrantInterner::new(metrics.issued.clone()),
            resources: ArcSwap::default(),
            keyring: ArcSwap::default(),
            keep_seconds,
            imported_secrets: AtomicUsize::new(0),
            issuer_index: IssuerIndex::default(),
            spiffe_index: SpiffeIndex::default(),
            shared_keys: SharedKeys::default(),
            followed_at: AtomicI64::new(clock.now().0),
            followed_to: Mutex::new(head.clone()),
            published: AtomicI64::new(0),
            progress: watch::Sender::default(),
            usage: UsageStats::default(),
            revocations: Revocations::default(),
            key_sets: KeySets::new(clock.clone()),
            metrics,
        }
    }

    /// The client of that id.
    pub fn client(&self, id: &str) -> Option<Arc<ClientEntry>> {
        self.clients.pin().get(id).cloned()
    }

    /// The trusts that a token of that issuer and subject could meet, unless there are more than
    /// `max`.
    pub fn trust_candidates(
        &self,
        issuer: &str,
        subject: Option<&str>,
        max: usize,
    ) -> Result<Vec<Arc<TrustCandidate>>, TooManyTrusts> {
        self.issuer_index.candidates(issuer, subject, max)
    }

    /// The trusts in SPIFFE trust domains that accept a workload of that id, unless there are more
    /// than `max`.
    pub fn spiffe_candidates(
        &self,
        id: &SpiffeId,
        max: usize,
    ) -> Result<Vec<Arc<TrustCandidate>>, TooManyTrusts> {
        self.spiffe_index.candidates(id, max)
    }

    /// True if a client trusts that SPIFFE trust domain.
    pub fn trusts_domain(&self, trust_domain: &TrustDomain) -> bool {
        self.spiffe_index.knows(trust_domain)
    }

    /// The signing keys.
    pub fn keyring(&self) -> Guard<Arc<Keyring>> {
        self.keyring.load()
    }

    /// The resources.
    pub fn resources(&self) -> Arc<Resources> {
        self.resources.load_full()
    }

    /// True if any client has an imported secret.
    pub fn holds_imported_secrets(&self) -> bool {
        self.imported_secrets.load(Ordering::Relaxed) > 0
    }

    /// How many seconds ago this memory was last known to be up to date.
    pub fn staleness(&self, now: Timestamp) -> i64 {
        now.0.saturating_sub(self.followed_at.load(Ordering::Relaxed))
    }

    /// Loads one client. One that this version cannot read gets no tokens here, and no other
    /// client is held up by it.
    async fn load_client(&self, store: &Store, id: ClientId) -> Result<(), DirectoryError> {
        match store.client_snapshot(&id).await {
            Ok(Some(client)) => self.put(client).await,
            Ok(None) => self.remove(&id),
            Err(StoreError::Unreadable(problem)) => {
                tracing::error!(client.id = %id, %problem, "a client cannot be read and gets no tokens");
                self.remove(&id);
            }
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    /// Loads the keys in a running server, which continues without those that cannot be opened:
    /// its operator fixes that, and other changes are followed meanwhile.
    async fn load_new_keys(
        &self,
        store: &Store,
        master: &MasterKeys,
    ) -> Result<(), DirectoryError> {
        let records = store.signing_keys().await?;
        let (keyring, problem) = Keyring::open_readable(master, records, self.keep_seconds);
        if let Some(problem) = problem {
            tracing::error!(%problem, "a new signing key cannot be opened here and is left out");
        }
        self.replace_keyring(keyring);
        Ok(())
    }

    fn replace_keyring(&self, keyring: Keyring) {
        self.keyring.store(Arc::new(keyring));
        // The revocation list names revoked keys, and a revoked key may have signed the last one.
        self.revocations.renew_list();
    }

    async fn load_everything(
        &self,
        store: &Store,
        master: &MasterKeys,
    ) -> Result<(), DirectoryError> {
        self.load_resources(store).await?;
        self.load_keyring(store, master).await?;
        self.load_revocations(store).await?;
        self.load_clients(store).await
    }

    /// Replaces all revocations in memory by those of the database. One that is in both is never
    /// missing in between.
    async fn load_revocations(&self, store: &Store) -> Result<(), DirectoryError> {
        let (mut tokens, mut clients) = (HashSet::new(), HashSet::new());
        let mut after = String::new();
        loop {
            let page = store.revoked_tokens(&after, PAGE).await?;
            let Some(last) = page.last() else { break };
            last.jti.as_str().clone_into(&mut after);
            for token in page {
                tokens.insert(token.jti.clone());
                self.revocations.put_token(token);
            }
        }
        after.clear();
        loop {
            let page = store.revoked_clients(&after, PAGE).await?;
            let Some(last) = page.last() else { break };
            last.client_id.as_str().clone_into(&mut after);
            for client in page {
                clients.insert(client.client_id.clone());
                self.revocations.put_client(client);
            }
        }
        self.revocations.retain(&tokens, &clients);
        Ok(())
    }

    async fn load_resources(&self, store: &Store) -> Result<(), DirectoryError> {
        let resources = store.resources().await?.into_iter();
        let resources: Resources = resources
            .map(|found| (found.resource.clone(), Arc::new(with_owner_only(found))))
            .collect();
        self.grants.renew(&resources).await;
        self.resources.store(Arc::new(resources));
        Ok(())
    }

    async fn load_keyring(&self, store: &Store, master: &MasterKeys) -> Result<(), DirectoryError> {
        let records = store.signing_keys().await?;
        let keyring = Keyring::open(master, records, self.keep_seconds)?;
        self.replace_keyring(keyring);
        Ok(())
    }

    async fn load_clients(&self, store: &Store) -> Result<(), DirectoryError> {
        let mut unseen: HashSet<ClientId> = self.clients.pin().keys().cloned().collect();
        let reader = store.bulk_reader();
        let mut page = reader.stored_clients("", PAGE).await?;
        while let Some((last, _)) = page.last() {
            let after = last.clone();
            // The database looks for the next page while we put this one in its place.
            let (next, ()) =
                tokio::join!(reader.stored_clients(&after, PAGE), self.put_page(page, &mut unseen));
            page = next?;
        }
        reader.close().await;
        for id in unseen {
            self.remove(&id);
        }
        Ok(())
    }

    async fn put_page(&self, page: Page, unseen: &mut HashSet<ClientId>) {
        for (place, (id, client)) in page.into_iter().enumerate() {
            if place % YIELD_EVERY == 0 {
                // Lets tokens be issued, and the next page be asked for, while this one is put in.
                tokio::task::yield_now().await;
            }
            match client {
                Ok(client) => {
                    unseen.remove(id.as_str());
                    self.put(client).await;
                }
                Err(problem) => {
                    tracing::error!(client.id = id, %problem, "a client cannot be read and gets no tokens");
                }
            }
        }
    }

    /// Puts a client in place of the one of the same id. Secrets that are still the same keep what
    /// is remembered of them.
    async fn put(&self, snapshot: ClientSnapshot) {
        let client = snapshot.client;
        let resources = self.resources.load_full();
        let grants = self
            .grants
            .entries(snapshot.grants, &client.claims, client.owner.as_ref(), &resources)
            .await;
        let allowed =
            AllowedMethods { auth_methods: client.auth_methods, grant_types: client.grant_types };
        let allowed = self.shared(allowed).await;
        let clients = self.clients.pin();
        let before = clients.get(&client.client_id);
        let secrets = snapshot.secrets.into_iter().map(|stored| {
            let memory = before.and_then(|entry| entry.memory_of(&stored)).unwrap_or_default();
            SecretEntry { stored, memory }
        });
        let entry = ClientEntry {
            client_id: client.client_id.clone(),
            state: client.state,
            allowed,
            token_lifetime: client.token_lifetime,
            token_rate: client.token_rate,
            // A token issued at the same time may be missed, which a rate limit tolerates.
            issued: before.map(|entry| entry.issued.copy()).unwrap_or_default(),
            revoked: before.map(|entry| entry.revoked.copy()).unwrap_or_default(),
            meter: match before {
                Some(entry) => entry.meter.clone(),
                None => self.metrics.busiest.meter(&client.client_id),
            },
            asserted: before.map(|entry| entry.asserted.copy()).unwrap_or_default(),
            security: self.security(
                &client.client_id,
                client.security,
                (snapshot.trusts, snapshot.spiffe_trusts),
                before,
            ),
            secrets: secrets.collect(),
            grants,
        };
        self.metrics.count_client(before.map(|entry| entry.state), Some(entry.state));
        let added = entry.imported_secrets();
        let removed = before.map_or(0, |entry| entry.imported_secrets());
        let trusts_before = before.map_or(&[][..], |entry| entry.trusts());
        self.issuer_index.change(&entry.client_id, trusts_before, entry.trusts());
        let spiffe_before = before.map_or(&[][..], |entry| entry.spiffe_trusts());
        self.spiffe_index.change(&entry.client_id, spiffe_before, entry.spiffe_trusts());
        clients.insert(client.client_id, Arc::new(entry));
        self.imported_secrets.fetch_add(added, Ordering::Relaxed);
        self.imported_secrets.fetch_sub(removed, Ordering::Relaxed);
    }

    /// The one copy of these ways.
    async fn shared(&self, allowed: AllowedMethods) -> Arc<AllowedMethods> {
        let mut known = self.allowed_methods.lock().await;
        if let Some(shared) = known.get(&allowed) {
            return shared.clone();
        }
        let shared = Arc::new(allowed);
        known.insert(shared.clone());
        shared
    }

    fn remove(&self, id: &ClientId) {
        if let Some(entry) = self.clients.pin().remove(id) {
            self.metrics.count_client(Some(entry.state), None);
            self.imported_secrets.fetch_sub(entry.imported_secrets(), Ordering::Relaxed);
            self.issuer_index.change(id, entry.trusts(), &[]);
            self.spiffe_index.change(id, entry.spiffe_trusts(), &[]);
        }
    }
}

/// A resource as the memory holds it: of its facts, tokens need only the owner, which decides about
/// static claims (DESIGN D18).
fn with_owner_only(resource: Resource) -> Resource {
    let facts = Facts { owner: resource.facts.owner, ..Facts::default() };
    Resource { facts, ..resource }
}
