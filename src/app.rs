//! What a process is made of: built once at the start, then only read.

pub mod audited_change;
pub mod background;
pub mod inspection;
pub mod master_key;
pub mod opening;
pub mod rejections;
mod sealed;
pub mod token_endpoint;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::app::background::BackgroundTasks;
use crate::app::rejections::RecentRejections;
use crate::config::{Config, Database, Issuer, Origin};
use crate::crypto::CryptoError;
use crate::crypto::certificate::{CertificateError, ClientCa};
use crate::crypto::vault::Vault;
use crate::directory::{Directory, DirectoryError};
use crate::fetch::{FetchError, Fetcher};
use crate::model::time::Clock;
use crate::store::schema::SchemaError;
use crate::store::{Store, StoreError};

/// How long rejections are kept for `tokend explain`, in seconds.
const REJECTIONS_TTL_SECONDS: i64 = 7 * 86_400;

/// Why a process could not be put together; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The schema and this binary do not match.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key could not be made, read or opened.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Nothing can be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Client certificates cannot be checked.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// There is not a database at the place of the settings.
    #[error("there is not a tokend database at {location} ({origin})")]
    NoDatabase {
        /// The place.
        location: String,
        /// The setting that decides the place.
        origin: Origin,
    },
    /// Postgres without a master key.
    #[error(
        "no master key is set: with Postgres, signing keys are sealed under a key that is not in \
         the database"
    )]
    NoMasterKey,
    /// A command needs the keys of a SQLite database before a server has generated them.
    #[error("there is not a master key yet: {path} does not exist", path = path.display())]
    NoMasterKeyYet {
        /// The file of the key that a server generates.
        path: PathBuf,
    },
    /// The database holds sealed keys, and the master key is missing.
    #[error("the master key of this database is missing: {looked_at}")]
    MasterKeyMissing {
        /// Where the key was looked for.
        looked_at: String,
    },
    /// The database was sealed under another master key.
    #[error("the master key {origin} is not the one this database was sealed with")]
    WrongMasterKey {
        /// Where the key came from.
        origin: String,
    },
    /// The file of the master key cannot be read or made.
    #[error("cannot read or make the master key {path}: {problem}", path = path.display())]
    MasterKeyFile {
        /// Its place.
        path: PathBuf,
        /// What stood in the way.
        problem: String,
    },
}

impl StartError {
    fn no_database(config: &Config) -> Self {
        let Database { location, origin, .. } = &config.database;
        Self::NoDatabase { location: location.to_string(), origin: origin.clone() }
    }

    fn no_master_key_yet(config: &Config) -> Self {
        match master_key::generated_file(config) {
            Some(path) => Self::NoMasterKeyYet { path },
            None => Self::NoMasterKey,
        }
    }

    fn master_key_missing(config: &Config) -> Self {
        let looked_at = match master_key::generated_file(config) {
            Some(path) => {
                format!("{} does not exist, and master_key is not set", path.display())
            }
            None => {
                "master_key is not set (TOKEND_MASTER_KEY or TOKEND_MASTER_KEY_FILE)".to_owned()
            }
        };
        Self::MasterKeyMissing { looked_at }
    }
}

impl From<DirectoryError> for StartError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Store(error) => Self::Store(error),
            DirectoryError::Crypto(error) => Self::Crypto(error),
        }
    }
}

/// What every command stands on: settings, database, keys, clock.
#[derive(Debug)]
pub struct Services {
    /// The settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The keys.
    pub vault: Vault,
    /// Fetches key sets.
    pub fetcher: Fetcher,
    /// The roots that client certificates may come from.
    pub client_ca: Option<ClientCa>,
    /// The time.
    pub clock: Clock,
}

/// What a server stands on: the services, and everything in memory.
pub struct App {
    /// Settings, database, keys, clock.
    pub services: Services,
    /// Who signs.
    pub issuer: Issuer,
    /// The memory.
    pub directory: Directory,
    /// True from the moment the server has been told to stop.
    pub stopping: AtomicBool,
    /// The last rejections, until they are written.
    pub rejections: Arc<RecentRejections>,
    /// How the background tasks are.
    pub background: BackgroundTasks,
}

impl Services {
    /// How long a replaced signing key stays published, in seconds: until the longest token it
    /// signed has expired, and a reserve.
    pub fn keep_seconds(&self) -> i64 {
        self.config.keep_seconds()
    }
}

impl App {
    /// Loads the memory.
    pub async fn load(services: Services, issuer: Issuer) -> Result<Self, StartError> {
        let Services { store, vault, clock, config, .. } = &services;
        if let Some(before) = store.note_issuer(issuer.as_str(), clock.now()).await? {
            tracing::warn!(
                before,
                now = issuer.as_str(),
                "the issuer is another one than at the last start on this database: APIs that \
                 expect the old `iss` refuse new tokens, and instances with two issuers disagree"
            );
        }
        store.note_lifetime(config.token.lifetime_max).await?;
        let directory = Directory::load(store, vault, services.keep_seconds(), clock).await?;
        let (stopping, rejections) = (AtomicBool::new(false), Arc::default());
        let background = BackgroundTasks::default();
        Ok(Self { services, issuer, directory, stopping, rejections, background })
    }

    /// Writes what has been counted of the use of secrets and keys. What cannot be written now is kept.
    pub async fn write_usage(&self) -> Result<(), StoreError> {
        let entries = self.directory.usage.take();
        if entries.is_empty() {
            return Ok(());
        }
        let uses: Vec<_> = entries.iter().map(|entry| (entry.used(), entry.usage)).collect();
        let written = self.services.store.add_use(&uses).await;
        if written.is_err() {
            self.directory.usage.put_back(entries);
        }
        written
    }

    /// Writes the rejections since the last time. While the database is away the latest are kept.
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
        let Services { store, clock, .. } = &self.services;
        let now = store.time(clock).await?;
        self.directory.revocations.purge_expired(now);
        store.purge_revocations(now).await?;
        store.purge_assertions(now).await?;
        store.purge_rejections(now.minus_seconds(REJECTIONS_TTL_SECONDS)).await
    }

    /// Reads what others have changed; true if there was anything.
    pub async fn catch_up(&self) -> Result<bool, DirectoryError> {
        let Services { store, vault, clock, .. } = &self.services;
        self.directory.catch_up(store, vault, clock.now()).await
    }
}
