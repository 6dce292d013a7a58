//! Rejections: requests that the server rejected, as operators look for them.

use crate::admin::{AdminError, ObjectKind, Principal, ownership};
use crate::model::client::ClientId;
use crate::model::rejection::RejectionRecord;
use crate::model::token::RevocationEpoch;
use crate::services::opening::ReadOnlyServices;
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
    reader: &ReadOnlyServices,
    filter: &RejectionFilter,
    limit: u32,
) -> Result<Rejections, AdminError> {
    let store = &reader.store;
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

/// The rejection of a request.
///
/// # Errors
/// Not found, also if the caller may not see it: a request that named no known client is for
/// administrators without a limit, and so is one from before the client existed.
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
    let client = ownership::visible_client(store.read(), principal, &id.ok_or_else(absent)?).await;
    // The two times may be of clocks that differ.
    let until = found.at.plus_seconds(RevocationEpoch::CLOCK_DIFFERENCE_SECONDS);
    match client {
        Ok(client) if client.client.created_at <= until => Ok(found),
        Ok(_) | Err(AdminError::NotFound { .. }) => Err(absent()),
        Err(error) => Err(error),
    }
}

/// True if requests of this client have been rejected, also if it does not exist any more.
pub async fn has_any(reader: &ReadOnlyServices, id: &ClientId) -> Result<bool, AdminError> {
    let filter = RejectionFilter { client_id: Some(id.clone()), ..RejectionFilter::default() };
    Ok(reader.store.count_rejections(&filter).await? > 0)
}
