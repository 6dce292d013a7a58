//! Deletion of a resource.

use serde_json::json;

use crate::admin::grant_request::{self, CancelReason};
use crate::admin::revision::{Precondition, Revision};
use crate::admin::{
    AdminError, AuditedChange, Conflict, NeededFor, ObjectKind, Principal, UnreadableObjects,
    grant, resource_to_change,
};
use crate::model::admin_scope::AdminScope;
use crate::model::event::{Action, EventSubject};
use crate::model::resource::{Resource, ResourceId};
use crate::services::Services;
use crate::store::StoreError;
use crate::store::grants::GrantKind;

/// Deletes a resource and every grant for it, and returns the number of grants. Each client that
/// loses a grant has its own event, which running servers follow.
pub async fn delete(
    services: &Services,
    principal: &Principal,
    id: &ResourceId,
) -> Result<usize, AdminError> {
    delete_if(services, principal, id, &Precondition::None).await
}

/// Like [`delete`], but only if the resource is in the state that the caller has read.
pub async fn delete_if(
    services: &Services,
    principal: &Principal,
    id: &ResourceId,
    condition: &Precondition,
) -> Result<usize, AdminError> {
    principal.require(AdminScope::ResourcesWrite)?;
    if id.is_built_in() {
        return Err(Conflict::BuiltInResource(id.clone()).into());
    }
    let mut change = principal.begin(services).await?;
    let resource = resource_to_change(change.read(), principal, id).await?;
    condition.check(&Revision::of_resource(&resource))?;
    let count = remove(&mut change, principal, &resource).await?;
    change.commit().await?;
    Ok(count)
}

/// Deletes a resource as a part of a larger change. The caller has checked the rights, except for
/// the grants.
pub(in crate::admin) async fn remove(
    change: &mut AuditedChange,
    principal: &Principal,
    resource: &Resource,
) -> Result<usize, AdminError> {
    let id = &resource.resource;
    let grants = change.read().grants_of(id, GrantKind::Any, u32::MAX).await?;
    if !grants.is_empty() {
        principal.require(AdminScope::GrantsWrite)?;
    }
    if !principal.is_operator() {
        let mut unreadable = UnreadableObjects::new(NeededFor::Deletion);
        for grant in &grants {
            let client_id = &grant.client_id;
            match grant::foreign::require_removable(change, principal, client_id, id).await {
                Err(AdminError::Store(problem @ StoreError::Unreadable(_))) => {
                    unreadable.add(ObjectKind::Client, client_id.as_str(), &problem);
                }
                other => other?,
            }
        }
        unreadable.into_result()?;
    }
    let reason = CancelReason::ResourceDeleted;
    grant_request::cancel_for_resource(change, id, reason).await?;
    for grant in &grants {
        let was = json!({ "scopes": grant.scopes, "networks": grant.networks });
        let detail = json!({ "resource": id, "was": was, "is": null });
        let owners = change.owners_of_grant(&grant.client_id, id).await?;
        let subject = EventSubject::Client(grant.client_id.clone());
        change.record_with_owners(Action::GrantRevoked, subject, owners, detail).await?;
    }
    let detail = json!({ "grants_revoked": grants.len(), "was": resource, "is": null });
    change.record(Action::ResourceDeleted, EventSubject::Resource(id.clone()), detail).await?;
    change.transaction.delete_resource(id).await?;
    Ok(grants.len())
}
