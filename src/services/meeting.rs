//! The first contact of a server with a database that was away when the server started.

use crate::secrets::secret::TagKey;
use crate::services::opening::{self, TAG_KEY};
use crate::services::{Services, StartError};
use crate::store::schema;

/// What a database turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// The one that the snapshot is of.
    Same,
    /// Another one, or an empty one.
    Other,
}

impl Services {
    /// Looks whether the database is the one that the keys of this process are of, and prepares its
    /// schema as `database.migrate` says. Nothing is written to another database.
    ///
    /// # Errors
    /// The database is still away, or its schema does not fit.
    pub async fn meet_database(&self) -> Result<Meeting, StartError> {
        let store = self.store.beyond_gate();
        if schema::version(&store).await? == 0 {
            return Ok(Meeting::Other);
        }
        let Some(seal) = store.sealed_key(TAG_KEY).await? else { return Ok(Meeting::Other) };
        let Ok(opened) = self.keys.master.open(TAG_KEY, &seal) else { return Ok(Meeting::Other) };
        let identity = TagKey::new(&opened.content).database_identity();
        if identity != self.keys.tag_key.database_identity() {
            return Ok(Meeting::Other);
        }
        opening::prepare_schema(&self.config, &store).await?;
        self.store.open_gate();
        Ok(Meeting::Same)
    }
}
