//! Identifiers of resources that a lenient verifier treats as equal.

use crate::admin::{AdminError, AuditedChange, Conflict};
use crate::model::resource::{Resource, ResourceId};

/// Rejects a resource whose identifier has the same normal form as a resource of another owner, or
/// as this server. Some verifiers of one would accept tokens for the other. The same owner may have
/// both.
///
/// # Errors
/// [`Conflict::AlreadyExists`].
pub(super) async fn require_distinct(
    change: &mut AuditedChange,
    resource: &Resource,
) -> Result<(), AdminError> {
    let (id, owner) = (&resource.resource, resource.facts.owner.as_ref());
    let normal = id.normal_form();
    let taken = |other: &str| {
        let text = format!("resource {other}, which some verifiers treat as equal to {id}");
        Err(Conflict::AlreadyExists(text).into())
    };
    if !id.is_built_in() && normal == ResourceId::SERVER {
        return taken(ResourceId::SERVER);
    }
    for (other, owner_of_other) in change.read().resource_owners().await? {
        if other != *id && owner_of_other.as_ref() != owner && other.normal_form() == normal {
            return taken(other.as_str());
        }
    }
    Ok(())
}
