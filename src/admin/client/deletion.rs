//! Deletion of a client.

use serde_json::json;

use crate::admin::grant_request::{self, CancelReason};
use crate::admin::revision::{Precondition, Revision};
use crate::admin::{AdminError, AuditedChange, Principal, client_to_change, grant, revocation};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{ClientId, Registration};
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::services::Services;

/// Deletes a client with its secrets and grants, and revokes its tokens. A later client with the
/// same id inherits nothing from it.
pub async fn delete(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
) -> Result<(), AdminError> {
    delete_if(services, principal, id, &Precondition::None).await
}

/// Like [`delete`], but only if the client is in the state that the caller has read.
pub async fn delete_if(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    condition: &Precondition,
) -> Result<(), AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    let mut change = principal.begin(services).await?;
    let current = client_to_change(change.read(), principal, id).await?;
    condition.check(&Revision::of_client(&current))?;
    remove(services, &mut change, current).await?;
    change.commit().await?;
    Ok(())
}

/// Deletes a client as a part of a larger change. The caller has checked the rights.
pub(in crate::admin) async fn remove(
    services: &Services,
    change: &mut AuditedChange,
    current: Registration,
) -> Result<(), AdminError> {
    let id = &current.client.client_id;
    // The event after the revocation of the tokens must be about the client.
    grant_request::cancel_of_client(change, id, CancelReason::ClientDeleted).await?;
    change.transaction.delete_client(id).await?;
    revocation::end_tokens(services, change, id).await?;
    grant::record_for_resource_owners(change, &current.client, &current.grants, &[]).await?;
    let was = json!({ "client": current.client, "grants": current.grants });
    let detail = json!({ "name": current.client.name, "was": was, "is": null });
    let owners = EventOwners { owner: current.client.facts.owner.clone(), other_owner: None };
    let subject = EventSubject::Client(id.clone());
    change.record_with_owners(Action::ClientDeleted, subject, owners, detail).await?;
    Ok(())
}
