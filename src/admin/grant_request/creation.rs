//! Creation of grant requests.

use serde_json::json;

use crate::admin::grant_request::ending;
use crate::admin::owner::ownership::client_to_change;
use crate::admin::{AdminError, AuditedChange, Changed, Conflict, ObjectKind, Principal, grant};
use crate::crypto::random;
use crate::model::admin_scope::AdminScope;
use crate::model::client::{Client, ClientId};
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::grant_request::{GrantRequest, GrantRequestId, GrantRequestState, Remark};
use crate::model::resource::{Resource, ResourceId};
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;
use crate::services::Services;

/// A grant to request.
#[derive(Debug)]
pub struct NewGrantRequest {
    /// The client that would get the grant.
    pub client_id: ClientId,
    /// The resource.
    pub resource: ResourceId,
    /// The scopes, each by name.
    pub scopes: Scopes,
    /// The networks that the grant could be used from.
    pub networks: Networks,
    /// The static claims of the grant.
    pub claims: StaticClaims,
    /// A message to the administrators of the resource.
    pub message: Option<Remark>,
}

/// Requests a grant. A pending request for the same client and resource is changed instead, and
/// gets a new revision. A repetition changes nothing.
///
/// # Errors
/// Not found, a conflict if no request is needed or too many are pending, or claims that are too
/// large.
pub async fn create(
    services: &Services,
    principal: &Principal,
    new: NewGrantRequest,
) -> Result<Changed<GrantRequest>, AdminError> {
    principal.require(AdminScope::GrantsWrite)?;
    let mut change = principal.begin(services).await?;
    let client = client_to_change(change.read(), principal, &new.client_id).await?.client;
    let resource = change.read().resource(&new.resource).await?;
    let resource = resource.ok_or_else(|| AdminError::no_resource(&new.resource))?;
    check(principal, &client, &resource, &new)?;
    let mut pending = Vec::new();
    for request in change.read().pending_requests_of_client(&new.client_id).await? {
        if request.expires_at <= change.database_now {
            ending::expire(&mut change, request).await?;
        } else {
            pending.push(request);
        }
    }
    let changed = match pending.iter().position(|known| known.resource == new.resource) {
        Some(place) => changed(&mut change, pending.swap_remove(place), new).await?,
        None if pending.len() >= GrantRequest::MAX_PENDING_PER_CLIENT => {
            let (client, max) = (new.client_id, GrantRequest::MAX_PENDING_PER_CLIENT);
            return Err(Conflict::GrantRequestLimit { client, max }.into());
        }
        None => Changed::now(created(&mut change, &client, &resource, new).await?),
    };
    if changed.is_changed {
        change.commit().await?;
    }
    Ok(changed)
}

/// Rejects a request for a grant that cannot be given, or that needs no approval. The error does
/// not list the scopes of another owner's resource.
fn check(
    principal: &Principal,
    client: &Client,
    resource: &Resource,
    new: &NewGrantRequest,
) -> Result<(), AdminError> {
    if resource.resource.is_built_in() || client.facts.owner == resource.facts.owner {
        return Err(Conflict::GrantRequestNotNeeded(resource.resource.clone()).into());
    }
    let wanted = Grant {
        resource: new.resource.clone(),
        scopes: GrantedScopes::Only(new.scopes.clone()),
        networks: new.networks.clone(),
        claims: new.claims.clone(),
    };
    grant::check_scopes(&wanted, &resource.scope_names()).map_err(|error| {
        match new.scopes.first_outside(&resource.scope_names()) {
            Some(scope) if !principal.may_administer(resource.facts.owner.as_ref()) => {
                AdminError::not_found(ObjectKind::Scope, scope)
            }
            _ => error,
        }
    })?;
    Ok(client.claims.merged(&new.claims).check_size()?)
}

async fn created(
    change: &mut AuditedChange,
    client: &Client,
    resource: &Resource,
    new: NewGrantRequest,
) -> Result<GrantRequest, AdminError> {
    let id = random::identifier("grq_")?;
    let request = GrantRequest {
        request_id: GrantRequestId::parse(&id).map_err(AdminError::malformed("request"))?,
        sequence: change.next_sequence(),
        client_id: new.client_id,
        resource: new.resource,
        scopes: new.scopes,
        networks: new.networks,
        claims: new.claims,
        revision: 1,
        state: GrantRequestState::Pending,
        message: new.message,
        reason: None,
        client_owner: client.facts.owner.clone(),
        resource_owner: resource.facts.owner.clone(),
        requested_by: change.actor_name().to_owned(),
        ended_by: None,
        created_at: change.now,
        updated_at: change.now,
        expires_at: change.database_now.plus_seconds(GrantRequest::TTL_SECONDS),
    };
    change.transaction.create_grant_request(&request).await?;
    record(change, Action::GrantRequestCreated, &request).await?;
    Ok(request)
}

async fn changed(
    change: &mut AuditedChange,
    was: GrantRequest,
    new: NewGrantRequest,
) -> Result<Changed<GrantRequest>, AdminError> {
    let NewGrantRequest { scopes, networks, claims, message, .. } = new;
    let is = GrantRequest { scopes, networks, claims, message, ..was.clone() };
    if is == was {
        return Ok(Changed::before(was));
    }
    let is = GrantRequest {
        revision: was.revision + 1,
        requested_by: change.actor_name().to_owned(),
        updated_at: change.now,
        expires_at: change.database_now.plus_seconds(GrantRequest::TTL_SECONDS),
        ..is
    };
    change.transaction.update_grant_request(&is).await?;
    record(change, Action::GrantRequestChanged, &is).await?;
    Ok(Changed::now(is))
}

/// Records a change of a request with the owners of both sides.
pub(super) async fn record(
    change: &mut AuditedChange,
    action: Action,
    request: &GrantRequest,
) -> Result<(), AdminError> {
    let owners = EventOwners {
        owner: request.client_owner.clone(),
        other_owner: request.resource_owner.clone(),
    };
    let subject = EventSubject::GrantRequest(request.request_id.clone());
    change.record_with_owners(action, subject, owners, json!(request)).await?;
    Ok(())
}
