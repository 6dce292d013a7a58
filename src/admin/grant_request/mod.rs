//! Grant requests: a team requests a grant for a resource of another owner, whose administrators
//! decide. An approved request becomes an ordinary grant.

mod creation;
mod decision;
mod ending;

use crate::admin::{AdminError, ObjectKind, Principal};
use crate::model::client::ClientId;
use crate::model::grant_request::{GrantRequest, GrantRequestId, GrantRequestState};
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::time::{Clock, Timestamp};
use crate::store::Store;
use crate::store::grants::requests::{GrantRequestFilter, GrantRequestPage};
use crate::store::reader::Reader;

pub use creation::{NewGrantRequest, create};
pub use decision::{approve, cancel, reject};
pub use ending::expire_due;
pub(super) use ending::{
    CancelReason, cancel_for_resource, cancel_of_client, cancel_without_scopes,
};

/// A query for grant requests. All given conditions must match.
#[derive(Debug, Default)]
pub struct GrantRequestQuery {
    /// The state.
    pub state: Option<GrantRequestState>,
    /// The client.
    pub client_id: Option<ClientId>,
    /// The resource.
    pub resource: Option<ResourceId>,
    /// The owner of the client or of the resource at the time of the request.
    pub owner: Option<Owner>,
    /// The position after which the list begins: the [`GrantRequest::sequence`] of a request.
    pub before: Option<i64>,
}

/// Returns at most `limit` requests that the caller may see, newest first.
pub async fn list(
    store: &Store,
    clock: &Clock,
    principal: &Principal,
    question: GrantRequestQuery,
    limit: u32,
) -> Result<GrantRequestPage, AdminError> {
    let now = clock.now();
    let GrantRequestQuery { state, client_id, resource, owner, before } = question;
    let filter = GrantRequestFilter {
        before,
        state: state.map(|state| (state, now)),
        client_id,
        resource,
        owner,
        visible_to: principal.owners().cloned(),
    };
    let GrantRequestPage { readable, unreadable, next } =
        store.grant_requests(&filter, limit).await?;
    let readable = readable.into_iter().map(|request| request.at(now)).collect();
    Ok(GrantRequestPage { readable, unreadable, next })
}

/// Returns one request.
///
/// # Errors
/// Not found, also if the caller may administer neither the client nor the resource.
pub async fn show(
    store: &Store,
    clock: &Clock,
    principal: &Principal,
    id: &GrantRequestId,
) -> Result<GrantRequest, AdminError> {
    visible(store.read(), principal, id, clock.now()).await
}

/// Reads a request that must exist. The owners of both sides may see it.
async fn visible(
    mut reader: Reader<'_>,
    principal: &Principal,
    id: &GrantRequestId,
    now: Timestamp,
) -> Result<GrantRequest, AdminError> {
    let found = reader.grant_request(id).await?;
    let sees = |request: &GrantRequest| {
        let sides = [&request.client_owner, &request.resource_owner];
        sides.into_iter().any(|owner| principal.may_administer(owner.as_ref()))
    };
    let found = found.filter(sees).map(|request| request.at(now));
    found.ok_or_else(|| AdminError::not_found(ObjectKind::GrantRequest, id))
}
