//! The service context of a process: settings, database, keys, clock, and the state that only one
//! process needs. It is built once at startup. It does not include the directory, so that a command
//! does not load all clients.

pub mod atomic_file;
pub mod audit_delivery;
pub mod audited_change;
pub mod backup_keys;
pub mod database_match;
pub mod event_chain;
pub mod inspection;
pub mod instance;
pub mod key_command;
pub mod master_key;
pub mod notifications;
pub mod opening;
pub mod own_revocation;
mod sealed;
pub mod sealed_keys;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::live::Live;
use crate::config::{Config, DatabaseSettings, Origin};
use crate::crypto::CryptoError;
use crate::identity_provider::IdentityProvider;
use crate::keys::Keys;
use crate::limits::assertion_memory::AssertionMemory;
use crate::limits::guess_limiter::GuessLimiter;
use crate::limits::nonces::NonceIssuer;
use crate::limits::replay_cache::ReplayCache;
use crate::model::time::Clock;
use crate::outbound::{FetchError, Fetcher};
use crate::secrets::hash_queue::Hasher;
use crate::services::key_command::KeyCommandProblem;
use crate::store::schema::SchemaError;
use crate::store::{Store, StoreError};
use crate::x509::certificate::{CertificateError, ClientCa};

/// Why a process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The schema and this binary do not match.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key could not be generated, read or unsealed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The HTTP client cannot be created.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The CA of client certificates cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The location of the settings has no tokend database.
    #[error("a tokend database does not exist at {location} ({origin})")]
    NoDatabase {
        /// The location.
        location: String,
        /// The setting that determines the location.
        origin: Origin,
    },
    /// Postgres requires a master key in the settings.
    #[error(
        "no master key is set: with Postgres, signing keys are sealed under a key that is not in \
         the database"
    )]
    NoMasterKey,
    /// A command needs the keys of a SQLite database before a server has generated them.
    #[error("the master key does not exist yet: {path} does not exist", path = path.display())]
    NoMasterKeyYet {
        /// The file of the key that a server generates.
        path: PathBuf,
    },
    /// The database has sealed keys, and the master key is missing.
    #[error("the master key of this database is missing: {looked_at}")]
    MasterKeyMissing {
        /// The places where the key was expected.
        looked_at: String,
    },
    /// The keys of the database are sealed under another master key.
    #[error("the master key {origin} is not the one this database was sealed with")]
    WrongMasterKey {
        /// The source of the key.
        origin: String,
    },
    /// The command for the master keys did not print them.
    #[error("the master key command {program} ({origin}) {problem}{error_output}")]
    MasterKeyCommand {
        /// The program.
        program: String,
        /// The setting that names it.
        origin: String,
        /// The problem.
        problem: KeyCommandProblem,
        /// The output on standard error, as the end of the sentence.
        error_output: String,
    },
    /// The file of the master key cannot be read or created.
    #[error("cannot read or make the master key {path}: {problem}", path = path.display())]
    MasterKeyFile {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        problem: String,
    },
}

impl StartError {
    /// True if the database is unavailable. A server may then start from its snapshot.
    pub fn is_database_unavailable(&self) -> bool {
        match self {
            Self::Store(error) | Self::Schema(SchemaError::Store(error)) => error.is_unavailable(),
            _ => false,
        }
    }

    fn no_database(config: &Config) -> Self {
        let DatabaseSettings { location, origin, .. } = &config.database;
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
            None => "master_key is not set".to_owned(),
        };
        Self::MasterKeyMissing { looked_at }
    }
}

/// The service context of a process.
#[derive(Debug)]
pub struct Services {
    /// The settings at startup.
    pub config: Config,
    /// The settings that may change while a server runs.
    pub live: Live,
    /// The database.
    pub store: Store,
    /// The secret keys of the server.
    pub keys: Keys,
    /// Hashes and verifies secrets, in bounded queues.
    pub hasher: Hasher,
    /// Limits guesses of imported secrets.
    pub guess_limiter: GuessLimiter,
    /// Issues and verifies DPoP nonces.
    pub nonce_issuer: NonceIssuer,
    /// The DPoP proofs of token requests.
    pub dpop_proofs: ReplayCache,
    /// The DPoP proofs of requests to APIs, verified by the check endpoint. They have a separate
    /// cache, so that busy APIs do not fill that of token requests.
    pub api_dpop_proofs: ReplayCache,
    /// The client assertions that the database does not have yet.
    pub assertions: AssertionMemory,
    /// Fetches key sets.
    pub fetcher: Fetcher,
    /// Sends notifications.
    pub notifier: Fetcher,
    /// The identity provider of the console, if configured.
    pub identity_provider: Option<Box<IdentityProvider>>,
    /// The root CAs of accepted client certificates.
    pub client_ca: Option<ClientCa>,
    /// The clock.
    pub clock: Clock,
    /// The id of this process among the others on the same database.
    pub instance: String,
    /// The host and the process, for people.
    pub host: String,
    signature_checks: AtomicU64,
}

impl Services {
    /// Returns how many seconds a replaced signing key stays published: until the longest token
    /// that it signed has expired, plus a margin.
    pub fn keep_seconds(&self) -> i64 {
        self.config.keep_seconds()
    }

    /// Adds to the number of verified signatures.
    pub fn add_signature_checks(&self, count: usize) {
        self.signature_checks.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Returns how many signatures of clients and issuers this process has verified.
    pub fn signature_checks(&self) -> u64 {
        self.signature_checks.load(Ordering::Relaxed)
    }
}
