//! Removal of scopes from grants when their resource no longer offers them.

use serde_json::json;

use crate::admin::{AdminError, AuditedChange, grant_request};
use crate::model::event::{Action, EventSubject};
use crate::model::grant::GrantedScopes;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;

/// Removes scopes from grants when the scopes of a resource change, with an event for each grant. A
/// grant keeps only scopes that the resource offered both `before` and `after`. A scope that
/// returns later under the same name is thus not granted to clients that once held it.
pub(in crate::admin) async fn remove(
    change: &mut AuditedChange,
    resource: &ResourceId,
    before: &Scopes,
    after: &Scopes,
) -> Result<(), AdminError> {
    if before == after {
        return Ok(());
    }
    let kept = before.intersection(after);
    grant_request::cancel_without_scopes(change, resource, &kept).await?;
    for holder in change.read().grant_holders(resource).await? {
        let GrantedScopes::Only(was) = &holder.scopes else { continue };
        let is = was.intersection(&kept);
        if is == *was {
            continue;
        }
        change.transaction.set_grant_scopes(&holder.client_id, resource, &is).await?;
        let detail = json!({
            "resource": resource,
            "scopes": is,
            "was": { "scopes": was },
            "is": { "scopes": is },
            "reason": "the scopes of the resource changed",
        });
        let owners = change.owners_of_grant(&holder.client_id, resource).await?;
        let subject = EventSubject::Client(holder.client_id);
        change.record_with_owners(Action::GrantChanged, subject, owners, detail).await?;
    }
    Ok(())
}
