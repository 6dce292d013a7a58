//! Matches a database that was unavailable when the server started with the data in memory.

use crate::secrets::secret::TagKey;
use crate::services::opening::{self, TAG_KEY};
use crate::services::{Services, StartError};
use crate::store::schema;

/// Relation of the database to the data in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseMatch {
    /// The database was unavailable when the server started from its snapshot, and has not been
    /// identified yet.
    Unknown,
    /// The database is the one in memory.
    Same,
    /// The database is another one or empty. No data of this server may be used with it.
    Other,
}

impl Services {
    /// Checks whether the keys of this process belong to the database, and prepares its schema
    /// according to `database.migrate`. Nothing is written to another database.
    ///
    /// # Errors
    /// If the database is still unavailable, or its schema does not match.
    pub async fn match_database(&self) -> Result<DatabaseMatch, StartError> {
        let store = self.store.beyond_gate();
        if schema::version(&store).await? == 0 {
            return Ok(DatabaseMatch::Other);
        }
        let Some(seal) = store.sealed_key(TAG_KEY).await? else {
            return Ok(DatabaseMatch::Other);
        };
        let Ok(opened) = self.keys.master.open(TAG_KEY, &seal) else {
            return Ok(DatabaseMatch::Other);
        };
        let identity = TagKey::new(&opened.content).database_identity();
        if identity != self.keys.tag_key.database_identity() {
            return Ok(DatabaseMatch::Other);
        }
        opening::prepare_schema(&self.config, &store).await?;
        self.store.open_gate();
        Ok(DatabaseMatch::Same)
    }
}
