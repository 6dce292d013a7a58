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

/// A rejection with what else is known about its cause.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The rejection.
    #[serde(flatten)]
    pub rejection: RejectionRecord,
    /// Other clients with a secret that ends like the one that was presented.
    pub secret_of: Vec<ClientId>,
    /// Clients that are named as the unknown id begins: people send the name as the id.
    pub named_like: Vec<ClientId>,
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

/// Why the request of that id was rejected, if that is known.
pub async fn explain(store: &Store, request_id: &str) -> Result<Option<Explanation>, AdminError> {
    let Some(rejection) = store.rejection(request_id).await? else { return Ok(None) };
    let mut secret_of = match &rejection.hint {
        Some(hint) => store.clients_by_suffix(hint).await?,
        None => Vec::new(),
    };
    secret_of.retain(|owner| Some(owner.as_str()) != rejection.client_id.as_deref());
    let named_like = match UnknownId::from_reason(&rejection.reason) {
        Some(id) => store.clients_named_like(&id).await?,
        None => Vec::new(),
    };
    Ok(Some(Explanation { rejection, secret_of, named_like }))
}
