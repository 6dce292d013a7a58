//! The end of grant requests without an approval: by a decision, by expiry, or by a change of the
//! client or the resource.

use crate::admin::grant_request::creation;
use crate::admin::{Actor, AdminError, AuditedChange};
use crate::model::client::ClientId;
use crate::model::event::Action;
use crate::model::grant_request::{GrantRequest, GrantRequestState, Remark};
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::services::Services;

/// The number of requests that expire in one transaction.
const MAX_REQUESTS_PER_BATCH: u32 = 100;

/// The change of one side that cancels a request.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) enum CancelReason {
    ClientDeleted,
    ClientOwnerChanged,
    ResourceDeleted,
    ResourceOwnerChanged,
    ScopeRemoved,
}

impl CancelReason {
    fn text(self) -> &'static str {
        match self {
            Self::ClientDeleted => "The client was deleted.",
            Self::ClientOwnerChanged => "The owner of the client changed.",
            Self::ResourceDeleted => "The resource was deleted.",
            Self::ResourceOwnerChanged => "The owner of the resource changed.",
            Self::ScopeRemoved => "The resource no longer offers a scope of the request.",
        }
    }
}

/// Cancels the pending requests of a client that is deleted or gets another owner.
pub(in crate::admin) async fn cancel_of_client(
    change: &mut AuditedChange,
    id: &ClientId,
    reason: CancelReason,
) -> Result<(), AdminError> {
    let pending = change.read().pending_requests_of_client(id).await?;
    cancel_all(change, pending, reason).await
}

/// Cancels the pending requests for a resource that is deleted or gets another owner.
pub(in crate::admin) async fn cancel_for_resource(
    change: &mut AuditedChange,
    id: &ResourceId,
    reason: CancelReason,
) -> Result<(), AdminError> {
    let pending = change.read().pending_requests_for_resource(id).await?;
    cancel_all(change, pending, reason).await
}

/// Cancels pending requests for scopes that the resource no longer offers. A later scope with the
/// same name may have another meaning.
pub(in crate::admin) async fn cancel_without_scopes(
    change: &mut AuditedChange,
    id: &ResourceId,
    kept: &Scopes,
) -> Result<(), AdminError> {
    let mut pending = change.read().pending_requests_for_resource(id).await?;
    pending.retain(|request| request.scopes.first_outside(kept).is_some());
    cancel_all(change, pending, CancelReason::ScopeRemoved).await
}

async fn cancel_all(
    change: &mut AuditedChange,
    requests: Vec<GrantRequest>,
    reason: CancelReason,
) -> Result<(), AdminError> {
    for request in requests {
        let reason = Some(Remark::stored(reason.text()));
        end(change, request, GrantRequestState::Cancelled, reason).await?;
    }
    Ok(())
}

/// Ends a request that was not decided in time.
pub(super) async fn expire(
    change: &mut AuditedChange,
    request: GrantRequest,
) -> Result<GrantRequest, AdminError> {
    end(change, request, GrantRequestState::Expired, None).await
}

/// Ends a request and records the event.
pub(super) async fn end(
    change: &mut AuditedChange,
    request: GrantRequest,
    state: GrantRequestState,
    reason: Option<Remark>,
) -> Result<GrantRequest, AdminError> {
    let request = GrantRequest {
        state,
        reason,
        ended_by: Some(change.actor_name().to_owned()),
        updated_at: change.now,
        ..request
    };
    change.transaction.update_grant_request(&request).await?;
    let action = match state {
        GrantRequestState::Pending => Action::GrantRequestChanged,
        GrantRequestState::Approved => Action::GrantRequestApproved,
        GrantRequestState::Rejected => Action::GrantRequestRejected,
        GrantRequestState::Cancelled => Action::GrantRequestCancelled,
        GrantRequestState::Expired => Action::GrantRequestExpired,
    };
    creation::record(change, action, &request).await?;
    Ok(request)
}

/// Ends pending requests that have expired, and deletes those that ended long ago. Several
/// instances may do this at the same time; each request still gets one event.
pub async fn expire_due(services: &Services) -> Result<(), AdminError> {
    let now = services.store.time(&services.clock).await?;
    let kept_until = now.minus_seconds(GrantRequest::KEPT_SECONDS);
    services.store.purge_grant_requests(kept_until).await?;
    // A batch has several requests, because a request that cannot be read stays due.
    while !services.store.read().due_requests(now, MAX_REQUESTS_PER_BATCH).await?.is_empty() {
        let mut change = AuditedChange::begin(services, &Actor::server()).await?;
        for request in change.read().due_requests(now, MAX_REQUESTS_PER_BATCH).await? {
            expire(&mut change, request).await?;
        }
        change.commit().await?;
    }
    Ok(())
}
