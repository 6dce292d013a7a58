//! Rejections: requests that the server rejected, as operators search for them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::{AdminError, ObjectKind, Principal, owner};
use crate::model::client::ClientId;
use crate::model::rejection::{RejectionRecord, UnknownId};
use crate::model::token::RevocationEpoch;
use crate::store::Store;
use crate::store::rejections::RejectionFilter;

/// The maximum length of a text to search in reasons, in characters.
pub const MAX_SEARCH_CHARS: usize = 100;

/// Restricts a filter to the rejections that the caller may see. Only administrators without a
/// limit see rejections of unknown clients.
pub fn restrict_to_caller(principal: &Principal, filter: RejectionFilter) -> RejectionFilter {
    let owners = principal.owners_among(filter.owners);
    RejectionFilter { owners, ..filter }
}

/// Returns the rejection of a request.
///
/// # Errors
/// Not found, also if the caller may not see it. Only administrators without a limit see a
/// rejection without a known client, or one that is older than its client.
pub async fn show(
    store: &Store,
    principal: &Principal,
    request_id: &str,
) -> Result<RejectionRecord, AdminError> {
    let absent = || AdminError::not_found(ObjectKind::Rejection, request_id);
    let found = store.rejection(request_id).await?.ok_or_else(absent)?;
    if principal.owners().is_none() {
        return Ok(found);
    }
    let id = found.client_id.as_deref().and_then(|id| ClientId::parse(id).ok());
    let client =
        owner::ownership::visible_client(store.read(), principal, &id.ok_or_else(absent)?).await;
    // The clocks that set these two times may differ.
    let until = found.at.plus_seconds(RevocationEpoch::CLOCK_DIFFERENCE_SECONDS);
    match client {
        Ok(client) if client.client.created_at <= until => Ok(found),
        Ok(_) | Err(AdminError::NotFound { .. }) => Err(absent()),
        Err(error) => Err(error),
    }
}

/// Returns those of the given clients that the caller may administer.
async fn visible_among(
    store: &Store,
    principal: &Principal,
    ids: Vec<ClientId>,
) -> Result<Vec<ClientId>, AdminError> {
    let mut seen = Vec::with_capacity(ids.len());
    for id in ids {
        let owner = store.read().client_owner(&id).await?;
        if principal.may_administer(owner.as_ref()) {
            seen.push(id);
        }
    }
    Ok(seen)
}

/// The clients that a rejection may be about without naming them.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Candidates {
    /// Other clients with a secret that ends like the one that was presented.
    pub secret_of: Vec<ClientId>,
    /// Clients whose name begins like the unknown id that was presented: a name is often sent as
    /// the id.
    pub named_like: Vec<ClientId>,
}

/// Finds the clients that a rejection may be about, among those that the caller may see.
pub async fn candidates(
    store: &Store,
    principal: &Principal,
    found: &RejectionRecord,
) -> Result<Candidates, AdminError> {
    let mut secret_of = match &found.suffix {
        Some(suffix) => store.clients_by_suffix(suffix).await?,
        None => Vec::new(),
    };
    secret_of.retain(|id| found.client_id.as_deref() != Some(id.as_str()));
    let named_like = match UnknownId::from_reason(&found.reason) {
        Some(id) => store.clients_named_like(&id).await?,
        None => Vec::new(),
    };
    Ok(Candidates {
        secret_of: visible_among(store, principal, secret_of).await?,
        named_like: visible_among(store, principal, named_like).await?,
    })
}
