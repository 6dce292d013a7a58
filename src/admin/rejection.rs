//! Rejections: requests that the server rejected, as operators look for them.

use serde::Serialize;

use crate::admin::AdminError;
use crate::model::client::ClientId;
use crate::model::rejection::{RejectionRecord, UnknownId};
use crate::store::Store;
use crate::store::rejections::RejectionFilter;

/// Rejections that a filter matches, newest first.
#[derive(Debug)]
pub struct Rejections {
    /// The newest ones.
    pub newest: Vec<RejectionRecord>,
    /// How many older ones there are.
    pub older: i64,
}

/// At most `limit` rejections, newest first, and how many are left out.
pub async fn list(
    store: &Store,
    filter: &RejectionFilter,
    limit: u32,
) -> Result<Rejections, AdminError> {
    let newest = store.rejections(filter, limit).await?;
    let found = i64::try_from(newest.len()).unwrap_or(i64::MAX);
    // Without a full page nothing is older, and there is nothing to count.
    let older = if newest.len() < limit as usize {
        0
    } else {
        store.count_rejections(filter).await?.saturating_sub(found)
    };
    Ok(Rejections { newest, older })
}

/// True if requests of this client have been rejected, also if it does not exist any more.
pub async fn has_any(store: &Store, id: &ClientId) -> Result<bool, AdminError> {
    let filter = RejectionFilter { client_id: Some(id.clone()), ..RejectionFilter::default() };
    Ok(store.count_rejections(&filter).await? > 0)
}

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
