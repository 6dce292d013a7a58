//! Examines the prerequisites of a server start, without writing anything.

use std::path::PathBuf;

use crate::config::{Config, Location};
use crate::files;
use crate::outbound::Fetcher;
use crate::services::master_key::{self, FoundKey};
use crate::services::opening::{TAG_KEY, client_ca};
use crate::services::{StartError, sealed};
use crate::store::engine::open::OpenMode;
use crate::store::schema::{self, SchemaError};
use crate::store::{Store, StoreError, engine};

/// Result of an inspection. A problem that would prevent a start is an error instead.
#[derive(Debug)]
pub struct Inspection {
    /// The version of the schema; 0 if the database does not exist or is empty.
    pub schema: i64,
    /// The state of the master key.
    pub master_key: MasterKeyState,
}

/// State of the master key for a server start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MasterKeyState {
    /// It unseals the keys of the database.
    Opens,
    /// It is set, and the database has no sealed keys yet.
    Unused,
    /// A server will generate it.
    WillBeGenerated,
}

/// A file that other users may read.
#[derive(Debug)]
pub struct OpenFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The users that may read it, as text.
    pub readers: String,
}

/// Connects to the database, and checks its schema and the keys. Writes nothing.
///
/// # Errors
///
/// Any problem that would prevent a start, except for an older schema, which is in the
/// [`Inspection`].
pub async fn inspect(config: &Config) -> Result<Inspection, StartError> {
    Fetcher::new(&config.fetch)?;
    config.client_ca.as_deref().map(client_ca).transpose()?;
    let key = master_key::find(config).await?;
    let store = match Store::open(&config.database, OpenMode::Check).await {
        Err(StoreError::Absent) => {
            return Ok(Inspection { schema: 0, master_key: without_seals(config, key.as_ref())? });
        }
        other => other?,
    };
    let inspection = inspect_store(config, &store, key).await;
    store.close().await;
    inspection
}

async fn inspect_store(
    config: &Config,
    store: &Store,
    key: Option<FoundKey>,
) -> Result<Inspection, StartError> {
    let schema = schema::version(store).await?;
    if schema > schema::NEWEST {
        return Err(SchemaError::Newer { found: schema }.into());
    }
    let holds_seals = schema > 0 && store.holds_sealed_keys().await?;
    let master_key = match key {
        None if holds_seals => return Err(StartError::master_key_missing(config)),
        Some(found) if holds_seals => {
            if let Some(seal) = store.sealed_key(TAG_KEY).await? {
                sealed::open_tag_key(&found, &seal)?;
            }
            MasterKeyState::Opens
        }
        key => without_seals(config, key.as_ref())?,
    };
    Ok(Inspection { schema, master_key })
}

/// Returns the state of the master key for a database without sealed keys.
fn without_seals(config: &Config, key: Option<&FoundKey>) -> Result<MasterKeyState, StartError> {
    match (key, &config.database.location) {
        (Some(_), _) => Ok(MasterKeyState::Unused),
        (None, Location::Sqlite(_)) => Ok(MasterKeyState::WillBeGenerated),
        (None, Location::Postgres(_)) => Err(StartError::NoMasterKey),
    }
}

/// Returns the file of the master key, if other users may read it.
pub fn open_master_key(config: &Config) -> Option<OpenFile> {
    let path = match (&config.master_key, &config.master_key_command) {
        (Some(given), _) => given.file.clone()?,
        (None, Some(_)) => return None,
        (None, None) => master_key::generated_file(config)?,
    };
    let readers = files::other_readers(&path)?;
    Some(OpenFile { path, readers })
}

/// Returns the files of a SQLite database that other users may read.
pub fn open_data_files(config: &Config) -> Vec<OpenFile> {
    let Location::Sqlite(database) = &config.database.location else { return Vec::new() };
    engine::files::of_database(database)
        .into_iter()
        .filter_map(|path| files::other_readers(&path).map(|readers| OpenFile { path, readers }))
        .collect()
}
