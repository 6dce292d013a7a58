//! Master keys that seal and unseal backups.

use crate::config::Config;
use crate::keys::seal::MasterKeys;
use crate::services::opening::TAG_KEY;
use crate::services::{StartError, master_key, sealed};
use crate::store::Store;

/// Returns the master keys of the settings, which must match the database. A backup under another
/// key could not be used later.
///
/// # Errors
///
/// If a master key is missing, unreadable, or not that of the database, or if the database fails.
pub async fn of_database(config: &Config, store: &Store) -> Result<MasterKeys, StartError> {
    let Some(found) = master_key::find(config).await? else {
        return Err(if store.holds_sealed_keys().await? {
            StartError::master_key_missing(config)
        } else {
            StartError::no_master_key_yet(config)
        });
    };
    let master = MasterKeys::derive(&found.keys)?;
    if let Some(seal) = store.sealed_key(TAG_KEY).await? {
        sealed::open_with(&master, &found, &seal)?;
    }
    Ok(master)
}

/// Returns the master keys of the settings; `None` if there are none.
///
/// # Errors
///
/// If a master key cannot be read.
pub async fn of_settings(config: &Config) -> Result<Option<MasterKeys>, StartError> {
    let found = master_key::find(config).await?;
    Ok(found.map(|found| MasterKeys::derive(&found.keys)).transpose()?)
}
