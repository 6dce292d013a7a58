//! Starts from the snapshot while the database is unavailable, and reconnects when it is available
//! again (D20).

use std::sync::Arc;

use crate::app::database_health::DatabaseHealth;
use crate::app::{App, note_tokens, outage_assertions, snapshot};
use crate::config::{Config, Issuer};
use crate::directory::Directory;
use crate::directory::snapshot::{Restored, SnapshotError, SnapshotFile, StoppedState};
use crate::keys::Keys;
use crate::keys::seal::MasterKeys;
use crate::model::time::Clock;
use crate::secrets::secret::TagKey;
use crate::services::database_match::DatabaseMatch;
use crate::services::{Services, StartError, backup_keys, opening};

/// Parts of a server that starts without its database.
pub struct WithoutDatabase {
    /// The settings, the keys, the clock, and a database that does not answer yet.
    pub services: Services,
    directory: Directory,
}

impl WithoutDatabase {
    /// Reads the snapshot. `None` if no snapshot allows issuing tokens. The server then cannot
    /// start, and the log has the reason.
    ///
    /// # Errors
    /// If a file of the settings cannot be used.
    pub async fn start(config: Config, clock: Clock) -> Result<Option<Self>, StartError> {
        if !config.snapshot.enabled {
            return Ok(None);
        }
        let Some(master) = backup_keys::of_settings(&config).await? else { return Ok(None) };
        match restore(&config, Arc::new(master), &clock).await {
            Ok(Some(RestoredParts { keys, directory, stopped })) => {
                let services = Services::without_database(config, clock, keys)?;
                let Some(services) = services else { return Ok(None) };
                let now = services.clock.now();
                outage_assertions::remember(&services.assertions, stopped.assertions, now);
                Ok(Some(Self { services, directory }))
            }
            Ok(None) => Ok(None),
            Err(problem) => {
                tracing::warn!(%problem, "the snapshot is not used, and the database is unavailable");
                Ok(None)
            }
        }
    }
}

/// Parts that are restored from a snapshot.
struct RestoredParts {
    keys: Keys,
    directory: Directory,
    stopped: StoppedState,
}

/// Restores the directory and the keys from a recent snapshot of the database at this location.
async fn restore(
    config: &Config,
    master: Arc<MasterKeys>,
    clock: &Clock,
) -> Result<Option<RestoredParts>, SnapshotError> {
    let location = config.database.location.to_string();
    let (max_staleness, now) = (config.directory.max_staleness, clock.now());
    let is_usable =
        move |file: &SnapshotFile| file.manifest.require_use_alone(&location, max_staleness, now);
    let read = snapshot::read(config.clone(), master.clone(), clock.clone(), is_usable).await?;
    let Some(restored) = read else { return Ok(None) };
    let Restored { directory, manifest, tag_key_seal, verification_cache_key, stopped } = restored;
    let opened = master.open(opening::TAG_KEY, &tag_key_seal);
    let opened = opened.map_err(|error| SnapshotError::Damaged(error.to_string()))?;
    let tag_key = TagKey::new(&opened.content);
    manifest.require_database(&tag_key.database_identity())?;
    let keys = Keys { master, tag_key, tag_key_seal, verification_cache_key };
    Ok(Some(RestoredParts { keys, directory, stopped }))
}

impl App {
    /// Creates the app of a server that starts without its database.
    pub fn without_database(start: WithoutDatabase, issuer: Issuer) -> Self {
        let WithoutDatabase { services, directory } = start;
        let sequence = directory.published_sequence();
        let age_s = directory.staleness(services.clock.now());
        tracing::warn!(
            sequence,
            age_s,
            "the database is unavailable: this server starts from its snapshot, and changes wait"
        );
        let database = DatabaseHealth::unavailable_at_start(services.clock.now());
        Self { database, ..Self::with(Arc::new(services), issuer, directory) }
    }

    /// Checks whether the database is available again and is that of the snapshot. If it is, the
    /// directory follows it. Otherwise the directory is emptied, so that nothing is granted across
    /// databases.
    ///
    /// # Errors
    /// If the database is still unavailable, or cannot be used.
    pub async fn match_database(&self) -> Result<(), StartError> {
        let database_match = self.services.match_database().await?;
        if database_match == DatabaseMatch::Same {
            note_tokens(&self.services, &self.issuer).await?;
            self.services.register().await?;
            let Services { store, keys, clock, .. } = &*self.services;
            self.directory.resume(store, &keys.master, clock.now()).await?;
        } else {
            self.directory.clear();
        }
        self.database.set_match(database_match);
        Ok(())
    }
}
