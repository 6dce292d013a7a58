//! The running server: the services, and the memory of one instance.

pub mod audit_delivery;
pub mod background;
pub mod database_health;
pub mod event_streams;
pub mod figures;
pub mod key_set_readers;
pub mod last_time;
mod outage_assertions;
mod process_figures;
pub mod rejections;
pub mod snapshot;
pub mod token_endpoint;
pub mod traffic;
pub mod without_database;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::app::audit_delivery::AuditDelivery;
use crate::app::background::BackgroundTasks;
use crate::app::database_health::DatabaseHealth;
use crate::app::event_streams::EventStreams;
use crate::app::key_set_readers::KeySetReaders;
use crate::app::last_time::LastTime;
use crate::app::rejections::{REJECTIONS_TTL_SECONDS, RecentRejections};
use crate::app::snapshot::SnapshotStatus;
use crate::app::traffic::Traffic;
use crate::config::Issuer;
use crate::directory::{Directory, DirectoryError};
use crate::limits::callers;
use crate::limits::rate_table::RateTable;
use crate::model::client::ClientId;
use crate::services::{Services, StartError};
use crate::store::StoreError;
use crate::telemetry::metrics::Metrics;

/// The running server: the services and all state in memory.
pub struct App {
    /// The settings, the database, the keys and the clock.
    pub services: Arc<Services>,
    /// The `iss` of tokens.
    pub issuer: Issuer,
    /// The directory.
    pub directory: Directory,
    /// True once the server is stopping.
    pub stopping: AtomicBool,
    /// The recent rejections that have not been written yet.
    pub rejections: Arc<RecentRejections>,
    /// The readers of the key set that have not been written yet.
    pub key_set_readers: KeySetReaders,
    /// The state of the background tasks.
    pub background: BackgroundTasks,
    /// The state of the database.
    pub database: DatabaseHealth,
    usage_flushed_at: LastTime,
    /// The time of the newest backup of this server.
    pub backed_up_at: LastTime,
    /// The number of keys in the database that are sealed under a master key other than the first.
    outdated_seals: AtomicUsize,
    /// The status of the snapshots.
    pub snapshot: SnapshotStatus,
    /// The status of the delivery of the audit log.
    pub audit_delivery: AuditDelivery,
    /// The last time at which any instance signed a checkpoint of the audit log.
    pub checkpointed_at: LastTime,
    /// The metrics of this process.
    pub metrics: Arc<Metrics>,
    /// Limits the reports of leaked secrets by caller.
    pub leak_reports: RateTable,
    /// Limits the tests of tokens against trusts by caller.
    pub trust_tests: RateTable,
    /// The open event streams.
    pub event_streams: Arc<EventStreams>,
    /// The number of tokens that were issued in each of the last hours.
    pub traffic: Traffic,
    /// The permit for verifying the audit log. One verification runs at a time, because it reads
    /// the log as fast as the database allows.
    pub log_verification: Semaphore,
}

impl From<DirectoryError> for StartError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Store(error) => Self::Store(error),
            DirectoryError::Crypto(error) => Self::Crypto(error),
        }
    }
}

/// Stores the issuer and the maximum lifetime of tokens from now on, for other instances and
/// commands.
async fn note_tokens(services: &Services, issuer: &Issuer) -> Result<(), StoreError> {
    let Services { store, clock, config, .. } = services;
    if let Some(before) = store.note_issuer(issuer.as_str(), clock.now()).await? {
        tracing::warn!(
            before,
            now = issuer.as_str(),
            "the issuer is another one than at the last start on this database: APIs that \
             expect the old `iss` reject new tokens, and instances with two issuers disagree"
        );
    }
    store.note_lifetime(config.token.lifetime_max).await?;
    Ok(())
}

impl App {
    /// Loads the directory: from the snapshot and the events since, or completely.
    pub async fn load(mut services: Services, issuer: Issuer) -> Result<Self, StartError> {
        note_tokens(&services, &issuer).await?;
        let restored = snapshot::restore(&mut services).await;
        let Services { store, keys, clock, config, .. } = &services;
        let directory = if let Some((directory, stopped_instance)) = restored {
            directory.resume(store, &keys.master, clock.now()).await?;
            if let Some(instance) = stopped_instance {
                // This server replaces that instance, so that no other server starts from its
                // snapshot.
                store.remove_heartbeat(&instance).await?;
            }
            directory
        } else {
            let (keep, per_client) = (services.keep_seconds(), config.metrics.per_client);
            Directory::load(store, &keys.master, keep, per_client, clock).await?
        };
        services.register().await?;
        Ok(Self::with(Arc::new(services), issuer, directory))
    }

    /// Creates the app of a command. Its directory is empty, because the admin API works on the
    /// database.
    pub async fn for_command(services: Services) -> Result<Self, StoreError> {
        let issuer = match &services.config.issuer {
            Some(issuer) => issuer.clone(),
            None => Issuer::stored(services.store.server_issuer().await?.unwrap_or_default()),
        };
        let directory = Directory::unloaded(&services.store, &services.clock).await?;
        Ok(Self::with(Arc::new(services), issuer, directory))
    }

    /// Creates the app of a command that issues a token for this client. Only the resources, the
    /// signing keys and this client are in memory.
    pub async fn with_client_loaded(&self, id: &ClientId) -> Result<Self, StartError> {
        let Services { store, keys, clock, .. } = &*self.services;
        note_tokens(&self.services, &self.issuer).await?;
        let keep_seconds = self.services.keep_seconds();
        let directory =
            Directory::load_client_with_keys(store, &keys.master, keep_seconds, id, clock).await?;
        Ok(Self::with(self.services.clone(), self.issuer.clone(), directory))
    }

    fn with(services: Arc<Services>, issuer: Issuer, directory: Directory) -> Self {
        let (stopping, rejections) = (AtomicBool::new(false), Arc::default());
        let background = BackgroundTasks::default();
        Self {
            services,
            issuer,
            directory,
            stopping,
            rejections,
            key_set_readers: KeySetReaders::default(),
            background,
            database: DatabaseHealth::default(),
            usage_flushed_at: LastTime::default(),
            backed_up_at: LastTime::default(),
            outdated_seals: AtomicUsize::new(0),
            snapshot: SnapshotStatus::default(),
            audit_delivery: AuditDelivery::default(),
            checkpointed_at: LastTime::default(),
            metrics: Arc::default(),
            leak_reports: callers::leak_reports(),
            trust_tests: callers::trust_tests(),
            event_streams: Arc::default(),
            traffic: Traffic::default(),
            log_verification: Semaphore::new(1),
        }
    }

    /// Writes the usage of secrets and other credentials, and the time until which it is complete.
    /// If the write fails, the usage is kept.
    pub async fn write_usage(&self) -> Result<(), StoreError> {
        let Services { store, clock, .. } = &*self.services;
        self.note_traffic();
        // Read the time first: later uses may be missing from this write.
        let written_until = store.time(clock).await?;
        let entries = self.directory.usage.take();
        let uses: Vec<_> = entries.iter().map(|entry| (entry.used(), entry.usage)).collect();
        let master_keys = self.services.master_keys();
        let heartbeat = self.services.heartbeat(&master_keys, written_until);
        let written = store.add_use(&uses, &heartbeat).await;
        self.metrics.usage_flushes.count(usize::from(written.is_err()));
        match &written {
            // This writes a row even without usage, so it shows whether writes work again.
            Ok(()) => {
                self.database.note_write(true);
            }
            // The database answered, but rejected the write.
            Err(error) if error.message_of_database().is_some() => {
                self.database.note_write(false);
            }
            Err(_) => {}
        }
        if written.is_ok() {
            self.usage_flushed_at.set(Some(clock.now()));
            if let Err(problem) = store.note_activity(&uses).await {
                // Lists then compute the activity from the usage itself, until the next use.
                tracing::debug!(%problem, "the activity of clients was not written");
            }
        } else {
            self.directory.usage.put_back(entries);
        }
        written
    }

    /// Records the total number of issued tokens.
    pub fn note_traffic(&self) {
        let total = self.directory.metrics.issued.totals().iter().map(|(_, count)| count).sum();
        self.traffic.note(self.services.clock.now(), total);
    }

    /// Counts the keys of the database that only a master key other than the first unseals.
    pub async fn count_outdated_seals(&self) -> Result<(), StoreError> {
        let keys = self.services.outdated_seals().await?;
        if self.outdated_seals.swap(keys, Ordering::Relaxed) == 0 && keys > 0 {
            tracing::warn!(
                keys,
                "keys of the database are sealed under an older master key, which must stay in \
                 master_key"
            );
        }
        Ok(())
    }

    /// Writes the readers of the key set since the last write. If the write fails, they are kept.
    pub async fn write_key_set_readers(&self) -> Result<(), StoreError> {
        let readers = self.key_set_readers.take();
        if readers.is_empty() {
            return Ok(());
        }
        let written = self.services.store.add_key_set_readers(&readers).await;
        if written.as_ref().is_err_and(StoreError::is_transient) {
            self.key_set_readers.put_back(readers);
        }
        written
    }

    /// Writes the rejections since the last write. While the database is unavailable, the latest
    /// are kept.
    pub async fn write_rejections(&self) -> Result<(), StoreError> {
        let rejections = self.rejections.take();
        if rejections.is_empty() {
            return Ok(());
        }
        let written = self.services.store.add_rejections(&rejections).await;
        if written.as_ref().is_err_and(StoreError::is_transient) {
            self.rejections.put_back(rejections);
        }
        written
    }

    /// Deletes expired data in the database and in memory. The clock of the database decides,
    /// because one instance with a wrong clock must not reactivate a revoked token for all others.
    pub async fn purge_expired(&self) -> Result<(), StoreError> {
        let Services { store, clock, .. } = &*self.services;
        let now = store.time(clock).await?;
        self.directory.revocations.purge_expired(now);
        store.purge_revocations(now).await?;
        store.purge_assertions(now).await?;
        store.purge_keys(now).await?;
        store.purge_key_set_readers(now).await?;
        store.purge_console(now).await?;
        store.purge_rejections(now.minus_seconds(REJECTIONS_TTL_SECONDS)).await
    }

    /// Follows the changes of other instances and commands. True if there were any.
    pub async fn catch_up(&self) -> Result<bool, DirectoryError> {
        let Services { store, keys, clock, .. } = &*self.services;
        self.directory.catch_up(store, &keys.master, clock.now()).await
    }
}
