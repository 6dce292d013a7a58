//! Partial directories, for commands, which must not load all clients.

use crate::directory::{Directory, DirectoryError};
use crate::keys::seal::MasterKeys;
use crate::model::client::ClientId;
use crate::model::time::Clock;
use crate::store::{Store, StoreError};

impl Directory {
    /// Loads only the head of the events, for a command that queries the database itself.
    pub async fn unloaded(store: &Store, clock: &Clock) -> Result<Self, StoreError> {
        let head = store.head().await?;
        let directory = Self::empty(0, clock, &head, 0);
        directory.publish(head.sequence);
        Ok(directory)
    }

    /// Loads the resources and one client, if it exists: enough to decide the claims of its token.
    /// It has no keys, so it cannot sign or verify.
    pub async fn load_client_only(
        store: &Store,
        id: &ClientId,
        clock: &Clock,
    ) -> Result<Self, DirectoryError> {
        let head = store.head().await?;
        let directory = Self::empty(0, clock, &head, 0);
        directory.load_resources(store).await?;
        directory.load_clients_of(store, std::slice::from_ref(id)).await?;
        directory.publish(head.sequence);
        Ok(directory)
    }

    /// Like [`Directory::load_client_only`], with the signing keys: enough to issue a token for the
    /// client.
    pub async fn load_client_with_keys(
        store: &Store,
        master: &MasterKeys,
        keep_seconds: i64,
        id: &ClientId,
        clock: &Clock,
    ) -> Result<Self, DirectoryError> {
        let head = store.head().await?;
        let directory = Self::empty(keep_seconds, clock, &head, 0);
        directory.load_resources(store).await?;
        directory.load_keyring(store, master).await?;
        directory.load_clients_of(store, std::slice::from_ref(id)).await?;
        directory.publish(head.sequence);
        Ok(directory)
    }
}
