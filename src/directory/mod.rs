//! The directory: all data that a decision needs, in memory.
//!
//! It is loaded once and then follows the events. Reading it takes no lock and no database query.
//! Tokens are therefore issued while the database is unavailable, and the directory knows its own
//! staleness.

mod effective_grant;
mod entry;
mod error;
mod event_log;
mod following;
mod insertion;
mod interner;
mod issuer_index;
mod loading;
mod metrics;
mod partial;
mod revocations;
mod security;
pub mod snapshot;
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
use crate::model::spiffe_id::{SpiffeId, TrustDomain};
use crate::model::time::{Clock, Timestamp};
use crate::remote_keys::KeySets;
use crate::store::Store;

/// The number of rows that are read at a time.
const PAGE_SIZE: u32 = 1_000;

/// The number of rows that are inserted before yielding.
const YIELD_EVERY: usize = 50;

/// The memory of one instance.
pub struct Directory {
    clients: papaya::HashMap<ClientId, Arc<ClientEntry>>,
    allowed_methods: std::sync::Mutex<HashSet<Arc<AllowedMethods>>>,
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
    /// The usage of credentials since it was last written.
    pub usage: UsageStats,
    /// The tokens that were revoked before they expired.
    pub revocations: Revocations,
    /// The remote key sets.
    pub key_sets: KeySets,
    /// The figures of the directory for metrics.
    pub metrics: DirectoryMetrics,
}

impl Directory {
    /// Loads everything. A replaced signing key stays published for `keep_seconds`. `per_client` is
    /// the number of clients with their own metrics.
    pub async fn load(
        store: &Store,
        master: &MasterKeys,
        keep_seconds: i64,
        per_client: usize,
        clock: &Clock,
    ) -> Result<Self, DirectoryError> {
        // Read the head first: changes during the load are read again later.
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
            allowed_methods: std::sync::Mutex::default(),
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

    /// Returns the client with this id.
    pub fn client(&self, id: &str) -> Option<Arc<ClientEntry>> {
        self.clients.pin().get(id).cloned()
    }

    /// Returns the trusts that a token with this issuer and subject could meet. Fails if there are
    /// more than `max`.
    pub fn trust_candidates(
        &self,
        issuer: &str,
        subject: Option<&str>,
        max: usize,
    ) -> Result<Vec<Arc<TrustCandidate>>, TooManyTrusts> {
        self.issuer_index.candidates(issuer, subject, max)
    }

    /// Returns the trusts in SPIFFE trust domains that accept this workload. Fails if there are
    /// more than `max`.
    pub fn spiffe_candidates(
        &self,
        id: &SpiffeId,
        max: usize,
    ) -> Result<Vec<Arc<TrustCandidate>>, TooManyTrusts> {
        self.spiffe_index.candidates(id, max)
    }

    /// True if a client trusts this SPIFFE trust domain.
    pub fn trusts_domain(&self, trust_domain: &TrustDomain) -> bool {
        self.spiffe_index.knows(trust_domain)
    }

    /// Returns the signing keys.
    pub fn keyring(&self) -> Guard<Arc<Keyring>> {
        self.keyring.load()
    }

    /// Returns the resources.
    pub fn resources(&self) -> Arc<Resources> {
        self.resources.load_full()
    }

    /// True if any client has an imported secret.
    pub fn holds_imported_secrets(&self) -> bool {
        self.imported_secrets.load(Ordering::Relaxed) > 0
    }

    /// Returns the last time at which the directory was known to be up to date.
    fn followed_at(&self) -> Timestamp {
        Timestamp(self.followed_at.load(Ordering::Relaxed))
    }

    fn set_followed_at(&self, time: Timestamp) {
        self.followed_at.store(time.0, Ordering::Relaxed);
    }

    /// Returns the seconds since the directory was last known to be up to date.
    pub fn staleness(&self, now: Timestamp) -> i64 {
        now.seconds_since(self.followed_at())
    }
}
