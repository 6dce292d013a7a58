//! Sources of the master key of this process: the settings, a command, or a file in the data
//! directory.

use std::io::Write;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::{Config, Location};
use crate::crypto::random;
use crate::files;
use crate::keys::seal::MasterKeys;
use crate::model::Malformed;
use crate::model::master_key::MasterKeyList;
use crate::services::{StartError, key_command};

/// Master keys with a description of their source.
pub struct FoundKey {
    /// The keys.
    pub keys: MasterKeyList,
    /// The source, such as `from TOKEND_MASTER_KEY`.
    pub source: String,
}

/// Returns the file of the master key that tokend generates next to a SQLite database. `None` with
/// Postgres, whose master key is always in the settings.
pub fn generated_file(config: &Config) -> Option<PathBuf> {
    match &config.database.location {
        Location::Sqlite(_) => Some(config.data_dir.join("master.key")),
        Location::Postgres(_) => None,
    }
}

/// Finds the master keys; `None` if there are none. Creates nothing. Runs the command of the
/// settings, if there is one.
///
/// # Errors
///
/// [`StartError::MasterKeyFile`] if the file cannot be read or is not a master key.
/// [`StartError::MasterKeyCommand`] if the command does not print the keys.
pub async fn find(config: &Config) -> Result<Option<FoundKey>, StartError> {
    if let Some(command) = &config.master_key_command {
        let keys = key_command::keys_of(command).await?;
        let source = format!("of the command {}, {}", command.program, command.source);
        return Ok(Some(FoundKey { keys, source }));
    }
    if let Some(given) = &config.master_key {
        return Ok(Some(FoundKey { keys: given.keys.clone(), source: given.source.clone() }));
    }
    let Some(path) = generated_file(config) else { return Ok(None) };
    match std::fs::read_to_string(&path).map(Zeroizing::new) {
        Ok(text) => found_in(path, &text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StartError::MasterKeyFile { path, problem: error.to_string() }),
    }
}

/// Generates the master key of a SQLite database without sealed keys. Concurrent processes all get
/// the same key.
///
/// # Errors
///
/// [`StartError::NoMasterKey`] with Postgres. [`StartError::MasterKeyFile`] if the file cannot be
/// written.
pub(super) fn generate(config: &Config) -> Result<FoundKey, StartError> {
    let path = generated_file(config).ok_or(StartError::NoMasterKey)?;
    let text = read_or_make(&path)
        .map_err(|problem| StartError::MasterKeyFile { path: path.clone(), problem })?;
    found_in(path, &text)
}

fn found_in(path: PathBuf, text: &str) -> Result<FoundKey, StartError> {
    match MasterKeyList::parse(text) {
        Ok(keys) => Ok(FoundKey { keys, source: format!("in {}", path.display()) }),
        Err(Malformed(problem)) => Err(StartError::MasterKeyFile { path, problem }),
    }
}

/// Creates the key file with mode 0600, or reads the one that another process created meanwhile.
fn read_or_make(path: &Path) -> Result<Zeroizing<String>, String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    files::create_private_folder(folder).map_err(|error| error.to_string())?;
    let key = MasterKeys::generate().map_err(|error| error.to_string())?;
    let name = random::identifier("master.key.").map_err(|error| error.to_string())?;
    let draft = folder.join(name);
    write_private(&draft, &key).map_err(|error| error.to_string())?;
    // A hard link appears atomically, and never replaces an existing key.
    let linked = std::fs::hard_link(&draft, path);
    let removed = std::fs::remove_file(&draft);
    match linked {
        Ok(()) => removed.map_err(|error| error.to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        // Some file systems do not support links. The file is then written directly.
        Err(_) => write_private(path, &key).map_err(|error| error.to_string())?,
    }
    // Not every system supports this. The name then becomes durable a little later.
    let _ = files::sync_folder_of(path);
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| error.to_string())
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = files::create_private(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
