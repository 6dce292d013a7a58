//! Rejections: requests that the server rejected, as operators look for them.

use serde::Serialize;

use crate::admin::AdminError;
use crate::model::client::ClientId;
use crate::model::rejection::{RejectionRecord, UnknownId};
use crate::store::Store;

/// The clients that a rejection may be about without naming them.
#[derive(Debug, Default, Serialize)]
pub struct Candidates {
    /// Other clients with a secret that ends like the one that was presented.
    pub secret_of: Vec<ClientId>,
    /// Clients whose name begins like the unknown id that was presented: a name is often sent as
    /// the id.
    pub named_like: Vec<ClientId>,
}

/// Finds the clients that a rejection may be about.
pub async fn candidates(store: &Store, found: &RejectionRecord) -> Result<Candidates, AdminError> {
    let mut secret_of = match &found.hint {
        Some(suffix) => store.clients_by_suffix(suffix).await?,
        None => Vec::new(),
    };
    secret_of.retain(|id| found.client_id.as_deref() != Some(id.as_str()));
    let named_like = match UnknownId::from_reason(&found.reason) {
        Some(id) => store.clients_named_like(&id).await?,
        None => Vec::new(),
    };
    Ok(Candidates { secret_of, named_like })
}
