//! Identifiers of resources that a lenient verifier takes for one another.

use crate::admin::{AdminError, AuditedChange, Conflict};
use crate::model::resource::{Resource, ResourceId};

/// Refuses a resource whose identifier has the same normal form as that of another owner, or of this
/// server itself: some verifiers accept the tokens of the one at the other. An owner may have both,
/// because it decides on both.
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
