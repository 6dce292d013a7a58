//! The directory: everything that a decision needs, in memory.
//!
//! It is loaded once and then follows the events. Reading it takes no lock and asks no database;
//! so tokens go on flowing while the database is away, and the directory says how old its
//! knowledge is.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Mutex;

use crate::crypto::CryptoError;
use crate::crypto::keyring::Keyring;
use crate::crypto::proof::ProofMemory;
use crate::crypto::vault::Vault;
use crate::model::client::{Client, ClientId, Registration};
use crate::model::event::{Event, Head, Subject};
use crate::model::grant::Grant;
use crate::model::resource::{Resource, ResourceId};
use crate::model::secret::{SecretKind, SecretRecord};
use crate::model::time::Timestamp;
use crate::store::{Store, StoreError};

/// How many rows are read at a time.
const PAGE: u32 = 5_000;

/// From so many changed clients on, all are loaded anew instead of one by one.
const MANY: usize = 500;

/// Why the directory could not be loaded or brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signing key could not be opened.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// A client in memory, with all that belongs to it.
#[derive(Debug)]
pub struct ClientEntry {
    /// The client itself.
    pub client: Client,
    /// Its secrets, each with the memory of its proof.
    pub secrets: Vec<SecretEntry>,
    /// Its grants.
    pub grants: Vec<Grant>,
}

/// A secret in memory.
#[derive(Debug)]
pub struct SecretEntry {
    /// What is stored of it.
    pub record: SecretRecord,
    /// Whether it has been proved in this process, and how it is recognised.
    pub proof: Arc<ProofMemory>,
}

/// The memory of one instance.
pub struct Directory {
    clients: papaya::HashMap<ClientId, Arc<ClientEntry>>,
    resources: ArcSwap<BTreeMap<ResourceId, Arc<Resource>>>,
    keyring: ArcSwap<Keyring>,
    keep_seconds: i64,
    imported_secrets: AtomicUsize,
    followed_at: AtomicI64,
    followed_to: Mutex<Head>,
}

impl Directory {
    /// Loads everything. A replaced signing key stays published for `keep_seconds`.
    pub async fn load(
        store: &Store,
        vault: &Vault,
        keep_seconds: i64,
        now: Timestamp,
    ) -> Result<Self, DirectoryError> {
        // The place in the events comes first: what changes while we load is read again later.
        let head = store.head().await?;
        let directory = Self {
            clients: papaya::HashMap::new(),
            resources: ArcSwap::default(),
            keyring: ArcSwap::default(),
            keep_seconds,
            imported_secrets: AtomicUsize::new(0),
            followed_at: AtomicI64::new(now.0),
            followed_to: Mutex::new(head),
        };
        directory.load_everything(store, vault).await?;
        Ok(directory)
    }

    /// The client of that id.
    pub fn client(&self, id: &str) -> Option<Arc<ClientEntry>> {
        self.clients.pin().get(id).cloned()
    }

    /// The resource of that identifier.
    pub fn resource(&self, id: &ResourceId) -> Option<Arc<Resource>> {
        self.resources.load().get(id).cloned()
    }

    /// The signing keys.
    pub fn keyring(&self) -> Guard<Arc<Keyring>> {
        self.keyring.load()
    }

    /// The resources, to look through all of them.
    pub fn resources(&self) -> Arc<BTreeMap<ResourceId, Arc<Resource>>> {
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

    /// Reads the events that have come since the last time and loads what they name. True if
    /// there were any.
    ///
    /// If the chain does not go on where this memory stands, the database is another one than
    /// before: a standby that lacks the last changes, or a restored backup. Then all is loaded
    /// anew.
    pub async fn catch_up(
        &self,
        store: &Store,
        vault: &Vault,
        now: Timestamp,
    ) -> Result<bool, DirectoryError> {
        let mut followed_to = self.followed_to.lock().await;
        let head = store.head().await?;
        let is_behind = head != *followed_to;
        while head.sequence != followed_to.sequence || head.hash != followed_to.hash {
            let events = store.events(followed_to.sequence, PAGE).await?;
            if let Some(end) = goes_on(&followed_to, &events) {
                self.reload(store, vault, &events).await?;
                *followed_to = end;
            } else {
                tracing::warn!("the events do not go on where they were: loading everything anew");
                self.load_everything(store, vault).await?;
                *followed_to = head.clone();
            }
            if followed_to.sequence > head.sequence {
                break;
            }
        }
        self.followed_at.store(now.0, Ordering::Relaxed);
        Ok(is_behind)
    }

    async fn reload(
        &self,
        store: &Store,
        vault: &Vault,
        events: &[Event],
    ) -> Result<(), DirectoryError> {
        let mut clients = HashSet::new();
        let (mut resources, mut keys) = (false, false);
        for event in events {
            match Subject::parse(&event.subject) {
                Ok(Subject::Client(id)) => {
                    clients.insert(id);
                }
                Ok(Subject::Resource(_)) => resources = true,
                Ok(Subject::SigningKey(_)) => keys = true,
                Err(_) => {
                    let subject = &event.subject;
                    tracing::warn!(
                        subject,
                        "an event is about something this version does not know"
                    );
                }
            }
        }
        if resources {
            self.load_resources(store).await?;
        }
        if clients.len() > MANY {
            self.load_clients(store).await?;
        } else {
            for id in clients {
                self.load_client(store, id).await?;
            }
        }
        if keys {
            self.load_new_keys(store, vault).await?;
        }
        Ok(())
    }

    /// Loads one client. One that this version cannot read gets no tokens here, and no other
    /// client is held up by it.
    async fn load_client(&self, store: &Store, id: ClientId) -> Result<(), DirectoryError> {
        match store.registration(&id).await {
            Ok(Some(registration)) => self.put(registration),
            Ok(None) => self.remove(&id),
            Err(StoreError::Unreadable(problem)) => {
                tracing::error!(client.id = %id, %problem, "a client cannot be read and gets no tokens");
                self.remove(&id);
            }
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    /// Loads the keys in a running server, which goes on with those it has if a new one cannot be
    /// opened: that is for its operator to mend, and no reason to be deaf to all other changes.
    async fn load_new_keys(&self, store: &Store, vault: &Vault) -> Result<(), DirectoryError> {
        match self.load_keyring(store, vault).await {
            Err(DirectoryError::Crypto(problem)) => {
                tracing::error!(%problem, "a new signing key cannot be opened here and is left out");
                Ok(())
            }
            other => other,
        }
    }

    async fn load_everything(&self, store: &Store, vault: &Vault) -> Result<(), DirectoryError> {
        self.load_resources(store).await?;
        self.load_keyring(store, vault).await?;
        self.load_clients(store).await
    }

    async fn load_resources(&self, store: &Store) -> Result<(), DirectoryError> {
        let resources = store
            .resources()
            .await?
            .into_iter()
            .map(|resource| (resource.resource.clone(), Arc::new(resource)))
            .collect();
        self.resources.store(Arc::new(resources));
        Ok(())
    }

    async fn load_keyring(&self, store: &Store, vault: &Vault) -> Result<(), DirectoryError> {
        let records = store.signing_keys().await?;
        let keyring = Keyring::open(&vault.master, records, self.keep_seconds)?;
        self.keyring.store(Arc::new(keyring));
        Ok(())
    }

    async fn load_clients(&self, store: &Store) -> Result<(), DirectoryError> {
        let mut seen = HashSet::new();
        let mut after = String::new();
        loop {
            let page = store.registrations(&after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            last.clone_into(&mut after);
            for (id, registration) in page {
                match registration {
                    Ok(registration) => {
                        seen.insert(registration.client.client_id.clone());
                        self.put(registration);
                    }
                    Err(problem) => {
                        tracing::error!(client.id = id, %problem, "a client cannot be read and gets no tokens");
                    }
                }
            }
        }
        let gone: Vec<ClientId> = {
            let clients = self.clients.pin();
            clients.keys().filter(|id| !seen.contains(*id)).cloned().collect()
        };
        for id in gone {
            self.remove(&id);
        }
        Ok(())
    }

    /// Puts a client in place of the one of the same id. Secrets that are still the same keep the
    /// memory of their proof.
    fn put(&self, registration: Registration) {
        let Registration { client, secrets, grants } = registration;
        let clients = self.clients.pin();
        let before = clients.get(&client.client_id);
        let secrets = secrets
            .into_iter()
            .map(|record| SecretEntry {
                proof: before.and_then(|entry| entry.proof_of(&record)).unwrap_or_default(),
                record,
            })
            .collect();
        let entry = ClientEntry { client, secrets, grants };
        let added = entry.imported_secrets();
        let removed = before.map_or(0, |entry| entry.imported_secrets());
        clients.insert(entry.client.client_id.clone(), Arc::new(entry));
        self.imported_secrets.fetch_add(added, Ordering::Relaxed);
        self.imported_secrets.fetch_sub(removed, Ordering::Relaxed);
    }

    fn remove(&self, id: &ClientId) {
        if let Some(entry) = self.clients.pin().remove(id) {
            self.imported_secrets.fetch_sub(entry.imported_secrets(), Ordering::Relaxed);
        }
    }
}

/// The end of `events` if they go on from `head` without a gap.
fn goes_on(head: &Head, events: &[Event]) -> Option<Head> {
    let mut end = head.clone();
    for event in events {
        if event.sequence != end.sequence + 1 || event.previous_hash != end.hash {
            return None;
        }
        end = Head { sequence: event.sequence, hash: event.hash.clone() };
    }
    (!events.is_empty()).then_some(end)
}

impl ClientEntry {
    fn proof_of(&self, record: &SecretRecord) -> Option<Arc<ProofMemory>> {
        self.secrets
            .iter()
            .find(|known| {
                known.record.secret_id == record.secret_id && known.record.hash == record.hash
            })
            .map(|known| known.proof.clone())
    }

    fn imported_secrets(&self) -> usize {
        self.secrets.iter().filter(|secret| secret.record.kind == SecretKind::Imported).count()
    }
}
