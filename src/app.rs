//! The running server: the services and the memory of one instance.

pub mod audit_delivery;
pub mod background;
pub mod database_health;
pub mod event_streams;
pub mod figures;
pub mod key_set_readers;
mod outage_assertions;
mod process_figures;
pub mod rejections;
pub mod snapshot;
pub mod token_endpoint;
pub mod traffic;
pub mod without_database;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::app::audit_delivery::AuditDelivery;
use crate::app::background::BackgroundTasks;
use crate::app::database_health::DatabaseHealth;
use crate::app::event_streams::EventStreams;
use crate::app::key_set_readers::KeySetReaders;
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

/// The running server: the services, and everything in memory.
pub struct App {
    /// Settings, database, keys, clock.
    pub services: Arc<Services>,
    /// The `iss` of tokens.
    pub issuer: Issuer,
    /// The memory.
    pub directory: Directory,
    /// True once the server has been told to stop.
    pub stopping: AtomicBool,
    /// The last rejections, until they are written.
    pub rejections: Arc<RecentRejections>,
    /// The readers of the key set, until they are written.
    pub key_set_readers: KeySetReaders,
    /// The state of the background tasks.
    pub background: BackgroundTasks,
    /// The state of the database.
    pub database: DatabaseHealth,
    /// When the usage statistics were last written; 0 for never.
    usage_flushed_at: AtomicI64,
    /// When the newest backup of this server was made; 0 for never.
    pub backed_up_at: AtomicI64,
    /// How many keys of the database are sealed under another master key than the first one.
    outdated_seals: AtomicUsize,
    /// The snapshots that were written.
    pub snapshot: SnapshotStatus,
    /// How far the delivery of the audit log is.
    pub audit_delivery: AuditDelivery,
    /// When a checkpoint of the audit log was last signed, by any instance; 0 for never.
    pub checkpointed_at: AtomicI64,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Limits the reports of leaked secrets of each caller.
    pub leak_reports: RateTable,
    /// Limits the tests of tokens against trusts of each caller.
    pub trust_tests: RateTable,
    /// The open streams of events.
    pub event_streams: Arc<EventStreams>,
    /// How many tokens were issued in each of the last hours.
    pub traffic: Traffic,
    /// The place of the one verification of the audit log that runs at a time: it reads the log as
    /// fast as the database gives it.
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

/// Notes what the other instances and commands should know of the tokens that are issued from now
/// on: the issuer, and how long they live at most.
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
    /// Loads the memory: from the snapshot and the events since, or all of it.
    pub async fn load(mut services: Services, issuer: Issuer) -> Result<Self, StartError> {
        note_tokens(&services, &issuer).await?;
        let restored = snapshot::restore(&mut services).await;
        let Services { store, keys, clock, config, .. } = &services;
        let directory = if let Some((directory, stopped_instance)) = restored {
            directory.resume(store, &keys.master, clock.now()).await?;
            if let Some(instance) = stopped_instance {
                // This server replaces that instance, so no other server starts from its snapshot.
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

    /// The app of one command. Its directory is empty, so that it does not load all clients:
    /// the admin API works on the database.
    pub async fn for_command(services: Services) -> Result<Self, StoreError> {
        let issuer = match &services.config.issuer {
            Some(issuer) => issuer.clone(),
            None => Issuer::stored(services.store.server_issuer().await?.unwrap_or_default()),
        };
        let directory = Directory::unloaded(&services.store, &services.clock).await?;
        Ok(Self::with(Arc::new(services), issuer, directory))
    }

    /// The app of a command that issues a token of this client: the resources, the signing keys
    /// and the one client are in memory.
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
            usage_flushed_at: AtomicI64::new(0),
            backed_up_at: AtomicI64::new(0),
            outdated_seals: AtomicUsize::new(0),
            snapshot: SnapshotStatus::default(),
            audit_delivery: AuditDelivery::default(),
            checkpointed_at: AtomicI64::new(0),
            metrics: Arc::default(),
            leak_reports: callers::leak_reports(),
            trust_tests: callers::trust_tests(),
            event_streams: Arc::default(),
            traffic: Traffic::default(),
            log_verification: Semaphore::new(1),
        }
    }

    /// Writes what has been counted of the use of secrets and keys, and that all of it until now is
    /// written. What cannot be written now is kept.
    pub async fn write_usage(&self) -> Result<(), StoreError> {
        let Services { store, clock, .. } = &*self.services;
        self.note_traffic();
        // The time comes first: what is used from here on may be written the next time.
        let written_until = store.time(clock).await?;
        let entries = self.directory.usage.take();
        let uses: Vec<_> = entries.iter().map(|entry| (entry.used(), entry.usage)).collect();
        let master_keys = self.services.master_keys();
        let heartbeat = self.services.heartbeat(&master_keys, written_until);
        let written = store.add_use(&uses, &heartbeat).await;
        self.metrics.usage_flushes.count(usize::from(written.is_err()));
        match &written {
            // It writes a row even if nothing was used, so it tells whether writes work again.
            Ok(()) => {
                self.database.note_write(true);
            }
            // The database answered, and took no write.
            Err(error) if error.message_of_database().is_some() => {
                self.database.note_write(false);
            }
            Err(_) => {}
        }
        if written.is_ok() {
            self.usage_flushed_at.store(clock.now().0, Ordering::Relaxed);
            if let Err(problem) = store.note_activity(&uses).await {
                // Lists look at the use itself then, until the next use.
                tracing::debug!(%problem, "the activity of clients was not written");
            }
        } else {
            self.directory.usage.put_back(entries);
        }
        written
    }

    /// Notes how many tokens were issued until now.
    pub fn note_traffic(&self) {
        let total = self.directory.metrics.issued.totals().iter().map(|(_, count)| count).sum();
        self.traffic.note(self.services.clock.now(), total);
    }

    /// Counts the keys of the database that another master key than the first one opens.
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

    /// Writes the readers of the key set since the last time. What cannot be written now is kept.
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

    /// Writes the rejections since the last time. While the database is unavailable the latest are
    /// kept.
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

    /// Deletes what has expired, in the database and in memory. Revocations and used assertions go
    /// by the clock of the database: one instance whose clock is wrong must not make a token of all
    /// others active again.
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

    /// Reads what others have changed; true if there was anything.
    pub async fn catch_up(&self) -> Result<bool, DirectoryError> {
        let Services { store, keys, clock, .. } = &*self.services;
        self.directory.catch_up(store, &keys.master, clock.now()).await
    }
}
