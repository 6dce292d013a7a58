//! Information of an instance about itself, for other instances and operators.

use crate::config::{Config, Location};
use crate::model::time::Timestamp;
use crate::services::opening::TAG_KEY;
use crate::services::sealed_keys::SealedKeys;
use crate::services::{Services, StartError};
use crate::store::engine::open::OpenMode;
use crate::store::instances::heartbeat::Heartbeat;
use crate::store::{Store, StoreError};

/// Returns host and process, for people: `host-a, process 1234`.
pub(super) fn process_host() -> String {
    let name = rustix::system::uname();
    format!("{}, process {}", name.nodename().to_string_lossy(), std::process::id())
}

/// True if no process has the database open, so that no instance runs. Only SQLite can tell,
/// because an instance that has lost its connection to Postgres still runs.
///
/// # Errors
///
/// The error of the engine.
pub async fn is_unused(config: &Config) -> Result<bool, StartError> {
    if !matches!(config.database.location, Location::Sqlite(_)) {
        return Ok(false);
    }
    match Store::open(&config.database, OpenMode::Exclusive).await {
        Ok(store) => {
            store.close().await;
            Ok(true)
        }
        Err(StoreError::InUse) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl Services {
    /// Returns the fingerprints of the master keys of this process, in the form of a [`Heartbeat`].
    pub fn master_keys(&self) -> String {
        self.keys.master.fingerprints().collect::<Vec<_>>().join(",")
    }

    /// Returns the heartbeat of this instance. `master_keys` is the result of
    /// [`Services::master_keys`].
    pub fn heartbeat<'a>(
        &'a self,
        master_keys: &'a str,
        written_until: Timestamp,
    ) -> Heartbeat<'a> {
        let expires_at = written_until.plus(self.config.directory.max_staleness);
        let (instance, host) = (&self.instance, &self.host);
        Heartbeat { instance, host, master_keys, written_until, expires_at }
    }

    /// Registers this instance before it issues tokens. A rotation of the master key takes the same
    /// lock. Either the rotation sees this instance, or this instance sees the rotated seals.
    ///
    /// # Errors
    ///
    /// [`StartError::WrongMasterKey`] if the keys of the database were sealed under another master
    /// key since this process unsealed them. Otherwise the error of the database.
    pub async fn register(&self) -> Result<(), StartError> {
        let mut change = self.store.begin().await?;
        let now = change.time(&self.clock).await?;
        change.note_instance(&self.heartbeat(&self.master_keys(), now)).await?;
        let seal = change.read().sealed_key(TAG_KEY).await?;
        if seal.is_some_and(|seal| self.keys.master.opener(TAG_KEY, &seal).is_none()) {
            return Err(StartError::WrongMasterKey { origin: "of the settings".to_owned() });
        }
        Ok(change.commit().await?)
    }

    /// Returns how many keys of the database are sealed under a master key other than the first.
    pub async fn outdated_seals(&self) -> Result<usize, StoreError> {
        let master = &self.keys.master;
        if master.fingerprints().nth(1).is_none() {
            return Ok(0);
        }
        let first = Some(master.fingerprint());
        let keys = SealedKeys::read(self.store.read()).await?;
        let openers = keys.iter().map(|(name, seal)| master.opener(name.as_str(), seal));
        Ok(openers.filter(|opener| *opener != first).count())
    }
}
