//! Identifies a database that was unavailable when the server started.

use crate::secrets::secret::TagKey;
use crate::services::opening::{self, TAG_KEY};
use crate::services::{Services, StartError};
use crate::store::schema;

/// Whether the database is the one whose content is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseIdentity {
    /// It was unavailable when the server started from its snapshot, and has not been asked yet.
    Unknown,
    /// It is.
    Same,
    /// It is another one, or an empty one. Nothing of this server may be used with it.
    Other,
}

impl Services {
    /// Looks whether the database is the one that the keys of this process are of, and prepares its
    /// schema as `database.migrate` says. Nothing is written to another database.
    ///
    /// # Errors
    /// The database is still unavailable, or its schema does not fit.
    pub async fn identify_database(&self) -> Result<DatabaseIdentity, StartError> {
        let store = self.store.beyond_gate();
        if schema::version(&store).await? == 0 {
            return Ok(DatabaseIdentity::Other);
        }
        let Some(seal) = store.sealed_key(TAG_KEY).await? else {
            return Ok(DatabaseIdentity::Other);
        };
        let Ok(opened) = self.keys.master.open(TAG_KEY, &seal) else {
            return Ok(DatabaseIdentity::Other);
        };
        let identity = TagKey::new(&opened.content).database_identity();
        if identity != self.keys.tag_key.database_identity() {
            return Ok(DatabaseIdentity::Other);
        }
        opening::prepare_schema(&self.config, &store).await?;
        self.store.open_gate();
        Ok(DatabaseIdentity::Same)
    }
}
