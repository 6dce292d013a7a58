//! Client assertions that were accepted while the database was unavailable. They are stored when it
//! is available again, and the snapshot keeps them until then.

use crate::app::App;
use crate::directory::snapshot::UsedAssertion;
use crate::limits::assertion_memory::{AcceptedAssertion, AssertionMemory};
use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::store::StoreError;

/// The number of assertions that are taken from the memory at a time.
const MAX_ASSERTIONS_PER_BATCH: usize = 500;

impl App {
    /// Stores the assertions that the database does not have yet. If that fails, they are kept.
    pub async fn write_assertions(&self) -> Result<(), StoreError> {
        let memory = &self.services.assertions;
        let (mut written, mut known) = (0, 0);
        loop {
            let accepted = memory.accepted(MAX_ASSERTIONS_PER_BATCH);
            if accepted.is_empty() {
                break;
            }
            for AcceptedAssertion { replay_key, expires_at, .. } in accepted {
                let is_new = self.services.store.use_assertion(&replay_key, expires_at).await?;
                written += usize::from(is_new);
                known += usize::from(!is_new);
                memory.remove(&replay_key);
            }
        }
        if written + known > 0 {
            // `known`: another instance accepted it too, or the database had stored it before it
            // failed.
            tracing::info!(written, known, "client assertions of an outage were stored");
        }
        Ok(())
    }

    /// Returns the assertions to keep in a snapshot.
    pub(super) fn assertions_to_keep(&self) -> Vec<UsedAssertion> {
        let accepted = self.services.assertions.accepted(usize::MAX).into_iter();
        let kept = accepted.map(|assertion| UsedAssertion {
            name: assertion.replay_key,
            client_id: assertion.client_id.as_str().to_owned(),
            expires_at: assertion.expires_at.0,
        });
        kept.collect()
    }
}

/// Restores the assertions of a snapshot.
pub(super) fn remember(memory: &AssertionMemory, kept: Vec<UsedAssertion>, now: Timestamp) {
    for UsedAssertion { name, client_id, expires_at } in kept {
        let Ok(client_id) = ClientId::parse(&client_id) else { continue };
        let expires_at = Timestamp(expires_at);
        let assertion = AcceptedAssertion { replay_key: name.clone(), client_id, expires_at };
        if memory.take(assertion, now).is_ok() {
            memory.accept(&name);
        }
    }
}
