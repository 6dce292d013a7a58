//! What a process is made of: built once at the start, then only read.

pub mod background;
pub mod refusals;
pub mod work;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::app::background::BackgroundTasks;
use crate::app::refusals::Refusals;
use crate::config::{Config, Issuer, Location};
use crate::crypto::argon2id::Cost;
use crate::crypto::certificate::{CertificateError, ClientCa};
use crate::crypto::guesses::Limits;
use crate::crypto::seal::MasterKeys;
use crate::crypto::secret::{TAG_KEY_LENGTH, TagKey};
use crate::crypto::vault::Vault;
use crate::crypto::{CryptoError, random};
use crate::directory::{Directory, DirectoryError};
use crate::fetch::{FetchError, Fetcher};
use crate::model::time::Clock;
use crate::store::schema::{self, SchemaError};
use crate::store::{Store, StoreError};

/// The name under which the tag key lies sealed in the database.
const TAG_KEY: &str = "secret_tag_key";

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
    /// Postgres without a master key.
    #[error(
        "no master key is set: with Postgres, signing keys are sealed under a key that is not in \
         the database. Make one with `openssl rand -base64 32`, keep it safe, and give it as \
         TOKEND_MASTER_KEY or TOKEND_MASTER_KEY_FILE to every instance"
    )]
    NoMasterKey,
    /// The database was sealed under another master key.
    #[error(
        "the master key from {origin} is not the one this database was sealed with: give that \
         one, or both, the new one first, as `new,old`"
    )]
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
pub struct Foundation {
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

/// What a server stands on: the foundation, and everything in memory.
pub struct App {
    /// Settings, database, keys, clock.
    pub foundation: Foundation,
    /// Who signs.
    pub issuer: Issuer,
    /// The memory.
    pub directory: Directory,
    /// True from the moment the server has been told to stop.
    pub stopping: AtomicBool,
    /// The last refusals, until they are written.
    pub refusals: Arc<Refusals>,
    /// How the background tasks are.
    pub background: BackgroundTasks,
}

impl Foundation {
    /// Opens the database, looks at its schema, and opens the keys.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, StartError> {
        let store = Store::open(&config.database).await?;
        schema::prepare(&store, config.database.migrate).await?;
        let vault = open_vault(&config, &store).await?;
        let fetcher = Fetcher::new(&config.fetch)?;
        let client_ca = config.client_ca.as_deref().map(client_ca).transpose()?;
        Ok(Self { config, store, vault, fetcher, client_ca, clock })
    }

    /// How long a replaced signing key stays published, in seconds: until the longest token it
    /// signed has expired, and a reserve.
    pub fn keep_seconds(&self) -> i64 {
        self.config.token.lifetime_max.seconds() + self.config.keys.keep_after.seconds()
    }
}

impl App {
    /// Loads the memory.
    pub async fn load(foundation: Foundation, issuer: Issuer) -> Result<Self, StartError> {
        let Foundation { store, vault, clock, config, .. } = &foundation;
        store.note_lifetime(config.token.lifetime_max).await?;
        let directory = Directory::load(store, vault, foundation.keep_seconds(), clock).await?;
        let (stopping, refusals) = (AtomicBool::new(false), Arc::default());
        let background = BackgroundTasks::default();
        Ok(Self { foundation, issuer, directory, stopping, refusals, background })
    }

    /// Writes what has been counted of the use of secrets and keys. What cannot be written now is kept.
    pub async fn write_ledger(&self) -> Result<(), StoreError> {
        let entries = self.directory.ledger.take();
        if entries.is_empty() {
            return Ok(());
        }
        let uses: Vec<_> = entries.iter().map(|entry| (entry.used(), entry.usage)).collect();
        let written = self.foundation.store.add_use(&uses).await;
        if written.is_err() {
            self.directory.ledger.put_back(entries);
        }
        written
    }

    /// Writes the refusals since the last time. While the database is away the latest are kept.
    pub async fn write_refusals(&self) -> Result<(), StoreError> {
        let refusals = self.refusals.take();
        if refusals.is_empty() {
            return Ok(());
        }
        let written = self.foundation.store.add_refusals(&refusals).await;
        if written.as_ref().is_err_and(StoreError::may_pass) {
            self.refusals.put_back(refusals);
        }
        written
    }

    /// Deletes what has expired, in the database and in memory. Revocations and used assertions go
    /// by the clock of the database: one instance whose clock is wrong must not make a token of all
    /// others active again.
    pub async fn purge_expired(&self) -> Result<(), StoreError> {
        let Foundation { store, clock, .. } = &self.foundation;
        let now = store.time(clock).await?;
        self.directory.revocations.purge_expired(now);
        store.purge_revocations(now).await?;
        store.purge_assertions(now).await?;
        store.forget_refusals(now.minus_seconds(REJECTIONS_TTL_SECONDS)).await
    }

    /// Reads what others have changed; true if there was anything.
    pub async fn catch_up(&self) -> Result<bool, DirectoryError> {
        let Foundation { store, vault, clock, .. } = &self.foundation;
        self.directory.catch_up(store, vault, clock.now()).await
    }
}

fn client_ca(path: &Path) -> Result<ClientCa, CertificateError> {
    let unusable = |error: std::io::Error| {
        CertificateError::UnusableCa(format!("{}: {error}", path.display()))
    };
    ClientCa::from_pem(&std::fs::read(path).map_err(unusable)?)
}

async fn open_vault(config: &Config, store: &Store) -> Result<Vault, StartError> {
    let (text, origin) = master_key(config)?;
    let master = MasterKeys::parse(&text)?;
    let sealed = if let Some(sealed) = store.sealed_key(TAG_KEY).await? {
        sealed
    } else {
        let fresh = Zeroizing::new(random::bytes::<TAG_KEY_LENGTH>()?);
        let sealed = master.seal(TAG_KEY, fresh.as_slice())?;
        store.keep_sealed_key(TAG_KEY, &sealed).await?
    };
    let opened =
        master.open(TAG_KEY, &sealed).map_err(|_| StartError::WrongMasterKey { origin })?;
    if opened.is_outdated {
        let resealed = master.seal(TAG_KEY, &opened.content)?;
        store.reseal_key(TAG_KEY, &sealed, &resealed).await?;
    }
    reseal_signing_keys(store, &master).await?;
    let secrets = &config.secrets;
    let cost =
        Cost { memory_kib: secrets.argon2_memory_kib, iterations: secrets.argon2_iterations };
    let tag_key = TagKey::new(&opened.content);
    let limits = Limits {
        by_client: config.limits.guesses_per_client,
        by_address: config.limits.guesses_per_address,
    };
    let (lanes, queue) = (secrets.hashing_lanes, secrets.hashing_queue);
    Ok(Vault::new(master, tag_key, cost, lanes, queue, limits)?)
}

/// Seals signing keys anew under the first master key, so that the others can be dropped. This is
/// looked at on each start: while the keys are changed, an instance that knows only the old one
/// may have made a signing key.
async fn reseal_signing_keys(store: &Store, master: &MasterKeys) -> Result<(), StartError> {
    for key in store.signing_keys().await? {
        // A key that no master key opens is refused by name when the keyring is loaded.
        let Ok(opened) = master.open(key.kid.as_str(), &key.sealed) else { continue };
        if opened.is_outdated {
            let sealed = master.seal(key.kid.as_str(), &opened.content)?;
            store.reseal_signing_key(&key.kid, &key.sealed, &sealed).await?;
            tracing::info!(kid = %key.kid, "a signing key has been sealed under the new master key");
        }
    }
    Ok(())
}

/// The text of the master keys, and where it came from.
fn master_key(config: &Config) -> Result<(Zeroizing<String>, String), StartError> {
    if let Some(text) = &config.master_key {
        let text = Zeroizing::new(text.expose_secret().to_owned());
        return Ok((text, "TOKEND_MASTER_KEY".to_owned()));
    }
    match &config.database.location {
        Location::Postgres(_) => Err(StartError::NoMasterKey),
        Location::Sqlite(_) => {
            let path = config.data_dir.join("master.key");
            let text = read_or_make(&path)
                .map_err(|problem| StartError::MasterKeyFile { path: path.clone(), problem })?;
            Ok((text, path.display().to_string()))
        }
    }
}

/// Reads the key file, or makes it with mode 0600. Of several processes that make it at once, one
/// wins and all read the same key.
fn read_or_make(path: &Path) -> Result<Zeroizing<String>, String> {
    if let Ok(text) = std::fs::read_to_string(path) {
        return Ok(Zeroizing::new(text));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let key = MasterKeys::generate().map_err(|error| error.to_string())?;
    let name = random::identifier("master.key.").map_err(|error| error.to_string())?;
    let draft = folder.join(name);
    write_private(&draft, &key).map_err(|error| error.to_string())?;
    // A hard link appears whole or not at all, and never replaces a key that is there.
    let linked = std::fs::hard_link(&draft, path);
    let removed = std::fs::remove_file(&draft);
    match linked {
        Ok(()) => removed.map_err(|error| error.to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        // Some file systems have no links; there the file itself must do.
        Err(_) => write_private(path, &key).map_err(|error| error.to_string())?,
    }
    sync(folder);
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| error.to_string())
}

/// Makes the name of a new file last as its content does.
fn sync(folder: &Path) {
    // Not every system can; then the name lasts a moment later.
    let _ = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
