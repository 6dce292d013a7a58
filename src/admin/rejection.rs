//! Rejections: requests that the server rejected, as operators look for them.

use crate::admin::AdminError;
use crate::model::client::ClientId;
use crate::model::rejection::RejectionRecord;
use crate::services::opening::ReadOnlyServices;
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

/// True if requests of this client have been rejected, also if it does not exist any more.
pub async fn has_any(reader: &ReadOnlyServices, id: &ClientId) -> Result<bool, AdminError> {
    let filter = RejectionFilter { client_id: Some(id.clone()), ..RejectionFilter::default() };
    Ok(reader.store.count_rejections(&filter).await? > 0)
}
