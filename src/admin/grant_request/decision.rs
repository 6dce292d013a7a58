//! Decisions on grant requests: approval, rejection and cancellation.

use serde_json::{Value, json};

use crate::admin::grant_request::{creation, ending, visible};
use crate::admin::{AdminError, AuditedChange, Conflict, Principal, grant};
use crate::model::admin_scope::AdminScope;
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::grant_request::{GrantRequest, GrantRequestId, GrantRequestState, Remark};
use crate::model::scope::Scopes;
use crate::services::Services;

/// Approves a request and gives the client the grant, which replaces an earlier one for the
/// resource. `revision` is the one that the administrator of the resource has read.
///
/// # Errors
/// Not found, [`AdminError::OwnerNotHeld`] for the team of the client, and
/// [`AdminError::RevisionChanged`]. A conflict if the request is not pending or no longer fits the
/// client and the resource.
pub async fn approve(
    services: &Services,
    principal: &Principal,
    id: &GrantRequestId,
    revision: i64,
) -> Result<GrantRequest, AdminError> {
    let (mut change, mut request) = begin(services, principal, id).await?;
    principal.require_owner(request.resource_owner.as_ref())?;
    require_pending(&request)?;
    if revision != request.revision {
        return Err(AdminError::RevisionChanged { given: revision, current: request.revision });
    }
    let offered = check_still_grantable(&mut change, &request).await?;
    request.state = GrantRequestState::Approved;
    request.ended_by = Some(change.actor_name().to_owned());
    request.updated_at = change.now;
    change.transaction.update_grant_request(&request).await?;
    creation::record(&mut change, Action::GrantRequestApproved, &request).await?;
    let is = request.grant();
    let was = change.transaction.grant(&request.client_id, &request.resource).await?;
    change.transaction.put_grant(&request.client_id, &is).await?;
    change.transaction.approve_grant(&request.client_id, &request.resource).await?;
    let mut detail = json!(is);
    detail["was"] = was.as_ref().map_or(Value::Null, |was| was.with_offered(&offered));
    detail["is"] = is.with_offered(&offered);
    detail["request_id"] = json!(request.request_id);
    let owners = EventOwners {
        owner: request.client_owner.clone(),
        other_owner: request.resource_owner.clone(),
    };
    let subject = EventSubject::Client(request.client_id.clone());
    change.record_with_owners(Action::GrantChanged, subject, owners, detail).await?;
    change.commit().await?;
    Ok(request)
}

/// Rejects a request. Only administrators of the resource may do this.
///
/// # Errors
/// Not found, [`AdminError::OwnerNotHeld`], or a conflict if the request is not pending.
pub async fn reject(
    services: &Services,
    principal: &Principal,
    id: &GrantRequestId,
    reason: Option<Remark>,
) -> Result<GrantRequest, AdminError> {
    let (change, request) = begin(services, principal, id).await?;
    principal.require_owner(request.resource_owner.as_ref())?;
    end(change, request, GrantRequestState::Rejected, reason).await
}

/// Cancels a request. Only administrators of the client may do this.
///
/// # Errors
/// Not found, [`AdminError::OwnerNotHeld`], or a conflict if the request is not pending.
pub async fn cancel(
    services: &Services,
    principal: &Principal,
    id: &GrantRequestId,
    reason: Option<Remark>,
) -> Result<GrantRequest, AdminError> {
    let (change, request) = begin(services, principal, id).await?;
    principal.require_owner(request.client_owner.as_ref())?;
    end(change, request, GrantRequestState::Cancelled, reason).await
}

async fn end(
    mut change: AuditedChange,
    request: GrantRequest,
    state: GrantRequestState,
    reason: Option<Remark>,
) -> Result<GrantRequest, AdminError> {
    require_pending(&request)?;
    let request = ending::end(&mut change, request, state, reason).await?;
    change.commit().await?;
    Ok(request)
}

/// Begins a change of a request that the caller may see.
async fn begin(
    services: &Services,
    principal: &Principal,
    id: &GrantRequestId,
) -> Result<(AuditedChange, GrantRequest), AdminError> {
    principal.require(AdminScope::GrantsWrite)?;
    let mut change = principal.begin(services).await?;
    let now = change.database_now;
    let request = visible(change.read(), principal, id, now).await?;
    Ok((change, request))
}

fn require_pending(request: &GrantRequest) -> Result<(), AdminError> {
    match request.state {
        GrantRequestState::Pending => Ok(()),
        state => Err(Conflict::GrantRequestEnded { id: request.request_id.clone(), state }.into()),
    }
}

/// Checks that both sides still have the owners of the request and that the grant can be given. A
/// change of the owner cancels the request, but this check does not rely on it. Returns the scopes
/// that the resource offers.
async fn check_still_grantable(
    change: &mut AuditedChange,
    request: &GrantRequest,
) -> Result<Scopes, AdminError> {
    let client = change.read().registration(&request.client_id).await?;
    let resource = change.read().resource(&request.resource).await?;
    let ended = || {
        let (id, state) = (request.request_id.clone(), GrantRequestState::Cancelled);
        AdminError::from(Conflict::GrantRequestEnded { id, state })
    };
    let client = client.ok_or_else(ended)?.client;
    let resource = resource.ok_or_else(ended)?;
    let is_same = client.facts.owner == request.client_owner
        && resource.facts.owner == request.resource_owner;
    if !is_same {
        return Err(ended());
    }
    grant::check_scopes(&request.grant(), &resource.scope_names())?;
    client.claims.merged(&request.claims).check_size()?;
    Ok(resource.scope_names())
}
