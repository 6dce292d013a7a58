//! Opens the services of a process: all of them for a server, only the required ones for a command.
//!
//! Only a server creates or migrates a database, or generates a master key (D8, D14). A command
//! requires existing ones, and its error names the location.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::config::live::Live;
use crate::config::{Config, FetchSettings, Migrate, SecretSettings};
use crate::crypto::random;
use crate::identity_provider::IdentityProvider;
use crate::jose::dpop;
use crate::jose::numeric_date::CLOCK_SKEW_SECONDS;
use crate::keys::Keys;
use crate::limits::assertion_memory::AssertionMemory;
use crate::limits::guess_limiter::{GuessLimiter, GuessLimits};
use crate::limits::replay_cache::ReplayCache;
use crate::model::time::Clock;
use crate::outbound::Fetcher;
use crate::secrets::argon2id::Cost;
use crate::secrets::hash_queue::Hasher;
use crate::secrets::verification_cache::VerificationCacheKey;
use crate::services::instance::process_host;
use crate::services::sealed::{self, OpenedKeys};
use crate::services::{Services, StartError, master_key};
use crate::store::engine::open::OpenMode;
use crate::store::schema::{self, SchemaError};
use crate::store::{Store, StoreError};
use crate::x509::certificate::{CertificateError, ClientCa};

/// The name under which the tag key is sealed in the database.
pub(crate) const TAG_KEY: &str = "secret_tag_key";

/// The name under which the private audit key is sealed in the database.
pub(crate) const AUDIT_KEY: &str = "audit_key";

/// Kind of the process that unseals the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `serve` or `dev`.
    Server,
    /// Every other command.
    Command,
}

/// Opened services other than the database.
struct OpenedServices {
    keys: Keys,
    fetcher: Fetcher,
    notifier: Fetcher,
    identity_provider: Option<Box<IdentityProvider>>,
    client_ca: Option<ClientCa>,
    instance: String,
}

impl OpenedServices {
    async fn open(
        config: &Config,
        clock: &Clock,
        store: &Store,
        role: Role,
    ) -> Result<Self, StartError> {
        if role == Role::Server {
            prepare_schema(config, store).await?;
        }
        Self::with_keys(config, clock, open_keys(config, store, role).await?)
    }

    fn with_keys(config: &Config, clock: &Clock, keys: Keys) -> Result<Self, StartError> {
        let client_ca = config.client_ca.as_deref().map(client_ca).transpose()?;
        let fetcher = Fetcher::new(&config.fetch)?;
        let notifier = Fetcher::of_notifications(config)?;
        let provider = |oidc| IdentityProvider::new(oidc, &config.fetch, clock.clone());
        let identity_provider = config.oidc.as_deref().map(provider).transpose()?.map(Box::new);
        let instance = random::identifier("ins_")?;
        Ok(Self { keys, fetcher, notifier, identity_provider, client_ca, instance })
    }

    fn read_only() -> Result<Self, StartError> {
        let fetch = FetchSettings { allowed_networks: Vec::new(), ca_file: None };
        let (fetcher, notifier) = (Fetcher::new(&fetch)?, Fetcher::new(&fetch)?);
        let (keys, instance) = (Keys::throwaway()?, random::identifier("ins_")?);
        Ok(Self { keys, fetcher, notifier, identity_provider: None, client_ca: None, instance })
    }
}

impl Services {
    /// Opens the services of a server. Creates and migrates the database according to
    /// `database.migrate`. Generates a master key for a SQLite database without sealed keys.
    ///
    /// # Errors
    ///
    /// If the database or the keys cannot be opened.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, StartError> {
        let store = match config.database.migrate {
            Migrate::Auto => Store::open(&config.database, OpenMode::Create).await?,
            Migrate::Check | Migrate::Off => {
                match Store::open(&config.database, OpenMode::Change).await {
                    Err(StoreError::Absent) => return Err(SchemaError::Behind { found: 0 }.into()),
                    other => other?,
                }
            }
        };
        Box::pin(Self::with_store(config, clock, store, Role::Server)).await
    }

    /// Opens the services of a command that changes rows: a database with the schema of this
    /// binary, and its keys.
    ///
    /// # Errors
    ///
    /// If the database or the keys cannot be opened.
    pub async fn open_to_change(config: Config, clock: Clock) -> Result<Self, StartError> {
        let store = open_existing(&config, OpenMode::Change).await?;
        Box::pin(Self::with_store(config, clock, store, Role::Command)).await
    }

    /// Opens the services of a command that only reads rows. It needs no master key and no files of
    /// the settings. Its keys unseal nothing, and it accepts no client certificate.
    ///
    /// # Errors
    ///
    /// [`StartError::NoDatabase`], [`StartError::Schema`] or the error of the engine.
    pub async fn open_to_read(config: Config, clock: Clock) -> Result<Self, StartError> {
        let store = open_existing(&config, OpenMode::Read).await?;
        Self::assemble(config, clock, store, OpenedServices::read_only()).await
    }

    /// Applies the settings that may change while a server runs.
    pub fn apply_live(&self, config: &Config) {
        self.guess_limiter.set_limits(guess_limits(config));
        self.live.replace(config);
    }

    /// Creates the services of a server whose Postgres is unavailable, with the keys of its
    /// snapshot. `None` for SQLite.
    ///
    /// # Errors
    /// If a file of the settings cannot be used.
    pub fn without_database(
        config: Config,
        clock: Clock,
        keys: Keys,
    ) -> Result<Option<Self>, StartError> {
        let Some(store) = Store::unavailable_postgres(&config.database)? else { return Ok(None) };
        let opened = OpenedServices::with_keys(&config, &clock, keys)?;
        Ok(Some(Self::from_parts(config, clock, store, opened)))
    }

    async fn with_store(
        config: Config,
        clock: Clock,
        store: Store,
        role: Role,
    ) -> Result<Self, StartError> {
        let opened = OpenedServices::open(&config, &clock, &store, role).await;
        Self::assemble(config, clock, store, opened).await
    }

    async fn assemble(
        config: Config,
        clock: Clock,
        store: Store,
        opened: Result<OpenedServices, StartError>,
    ) -> Result<Self, StartError> {
        match opened {
            Ok(opened) => Ok(Self::from_parts(config, clock, store, opened)),
            Err(error) => {
                // Closed so that SQLite leaves no file next to the database.
                store.close().await;
                Err(error)
            }
        }
    }

    fn from_parts(config: Config, clock: Clock, store: Store, opened: OpenedServices) -> Self {
        let OpenedServices { keys, fetcher, notifier, identity_provider, client_ca, instance } =
            opened;
        Self {
            hasher: hasher(&config.secrets),
            guess_limiter: GuessLimiter::new(guess_limits(&config)),
            nonce_issuer: keys.tag_key.nonce_issuer(),
            dpop_proofs: ReplayCache::new(dpop::PROOF_TTL_SECONDS + CLOCK_SKEW_SECONDS),
            api_dpop_proofs: ReplayCache::new(dpop::PROOF_TTL_SECONDS + CLOCK_SKEW_SECONDS),
            assertions: AssertionMemory::default(),
            signature_checks: AtomicU64::new(0),
            live: Live::of(&config),
            config,
            store,
            keys,
            fetcher,
            notifier,
            identity_provider,
            client_ca,
            clock,
            instance,
            host: process_host(),
        }
    }
}

/// Prepares the schema according to `database.migrate`.
pub(super) async fn prepare_schema(config: &Config, store: &Store) -> Result<(), StartError> {
    match schema::prepare(store, config.database.migrate).await {
        Err(SchemaError::Empty) => Err(SchemaError::Behind { found: 0 }.into()),
        other => Ok(other?),
    }
}

/// Opens an existing database with the schema of this binary.
///
/// # Errors
///
/// [`StartError::NoDatabase`], [`StartError::Schema`] or the error of the engine.
pub async fn open_existing(config: &Config, mode: OpenMode) -> Result<Store, StartError> {
    let opened = Store::open(&config.database, mode).await;
    let store = opened.map_err(|error| place(error, config))?;
    match schema::require_newest(&store).await {
        Ok(()) => Ok(store),
        Err(error) => {
            store.close().await;
            Err(place_schema(error, config))
        }
    }
}

/// Opens an existing database for reading. Its schema may be older than this binary.
///
/// # Errors
///
/// [`StartError::NoDatabase`], [`StartError::Schema`] or the error of the engine.
pub async fn open_of_older_schema(config: &Config) -> Result<Store, StartError> {
    let opened = Store::open(&config.database, OpenMode::Read).await;
    let store = opened.map_err(|error| place(error, config))?;
    let problem = match schema::require_newest(&store).await {
        Ok(()) | Err(SchemaError::Behind { .. }) => return Ok(store),
        Err(problem) => problem,
    };
    store.close().await;
    Err(place_schema(problem, config))
}

/// Adds the expected location of a missing database to the error.
fn place(error: StoreError, config: &Config) -> StartError {
    match error {
        StoreError::Absent => StartError::no_database(config),
        other => StartError::Store(other),
    }
}

fn place_schema(error: SchemaError, config: &Config) -> StartError {
    match error {
        SchemaError::Empty => StartError::no_database(config),
        other => StartError::Schema(other),
    }
}

pub(super) fn client_ca(path: &Path) -> Result<ClientCa, CertificateError> {
    let unusable = |error: std::io::Error| {
        CertificateError::UnusableCa(format!("{}: {error}", path.display()))
    };
    ClientCa::from_pem(&std::fs::read(path).map_err(unusable)?)
}

async fn open_keys(config: &Config, store: &Store, role: Role) -> Result<Keys, StartError> {
    let found = match master_key::find(config).await? {
        Some(found) => found,
        None if store.holds_sealed_keys().await? => {
            return Err(StartError::master_key_missing(config));
        }
        None if role == Role::Server => master_key::generate(config)?,
        None => return Err(StartError::no_master_key_yet(config)),
    };
    let OpenedKeys { master, tag_key, tag_key_seal } =
        sealed::open_keys(store, &found, role).await?;
    let verification_cache_key = VerificationCacheKey::generate()?;
    Ok(Keys { master: Arc::new(master), tag_key, tag_key_seal, verification_cache_key })
}

fn hasher(settings: &SecretSettings) -> Hasher {
    let cost =
        Cost { memory_kib: settings.argon2_memory_kib, iterations: settings.argon2_iterations };
    Hasher::new(cost, settings.hashing_lanes, settings.hashing_queue)
}

fn guess_limits(config: &Config) -> GuessLimits {
    GuessLimits {
        by_client: config.limits.guesses_per_client,
        by_address: config.limits.guesses_per_address,
    }
}
