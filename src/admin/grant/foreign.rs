//! Grants for a resource of another owner. A limited administrator can give only an approved grant.
//! It can remove any grant of its own client or for its own resource.

use std::collections::HashSet;

use crate::admin::owner::ownership::client_within_rights;
use crate::admin::{AdminError, AuditedChange, Principal, grant};
use crate::model::client::ClientId;
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId};
use crate::store::grants::holders::GrantHolder;
use crate::store::reader::Reader;

/// Rejects a grant that gives more of another owner's resource than `was`, the client's current
/// grant. Grants for this server itself have their own rules ([`Principal::require_grantable`]).
///
/// # Errors
/// [`AdminError::ApprovalNeeded`].
pub(in crate::admin) async fn check(
    mut reader: Reader<'_>,
    principal: &Principal,
    was: Option<&Grant>,
    is: &Grant,
) -> Result<(), AdminError> {
    if principal.owners().is_none() || is.resource.is_built_in() {
        return Ok(());
    }
    let owner = reader.resource_owner(&is.resource).await?;
    let is_own = principal.may_administer(owner.as_ref());
    if is_own || was.is_some_and(|was| is_within(is, was)) {
        return Ok(());
    }
    Err(AdminError::ApprovalNeeded { resource: is.resource.clone() })
}

/// True if the caller may decide on a grant for the other side when one side gets another owner. A
/// limited caller must administer the owner of the other side. Without a limit, the other side must
/// have no owner or one of `owners`. Otherwise the approval applied only to the former owner.
pub(in crate::admin) fn is_decided_by(
    principal: &Principal,
    other: Option<&Owner>,
    owners: &[Option<&Owner>],
) -> bool {
    match principal.owners() {
        Some(_) => principal.may_administer(other),
        None => other.is_none() || owners.contains(&other),
    }
}

/// Returns the clients that lose their grant for a resource because its new owner has not approved
/// it. Clients that the change itself declares keep their grant.
pub(in crate::admin) async fn holders_without_approval(
    mut reader: Reader<'_>,
    principal: &Principal,
    before: &Resource,
    after: &Resource,
    declared: &[ClientId],
) -> Result<Vec<GrantHolder>, AdminError> {
    let (old, new) = (&before.facts.owner, &after.facts.owner);
    if old.is_none() || old == new {
        return Ok(Vec::new());
    }
    let declared: HashSet<&ClientId> = declared.iter().collect();
    let mut holders = reader.grant_holders(&after.resource).await?;
    holders.retain(|holder| {
        !declared.contains(&holder.client_id)
            && !is_decided_by(principal, holder.owner.as_ref(), &[new.as_ref()])
    });
    Ok(holders)
}

/// Ends the grants of [`holders_without_approval`], with an event for each.
pub(in crate::admin) async fn end_of_resource(
    change: &mut AuditedChange,
    principal: &Principal,
    before: &Resource,
    after: &Resource,
    declared: &[ClientId],
) -> Result<(), AdminError> {
    let losing = holders_without_approval(change.read(), principal, before, after, declared);
    for holder in losing.await? {
        if let Some(was) = change.transaction.grant(&holder.client_id, &after.resource).await? {
            grant::delete(change, &holder.client_id, &was).await?;
        }
    }
    Ok(())
}

/// Rejects the removal of a grant, unless the caller may change the client or administers the
/// resource of the grant.
///
/// # Errors
/// As [`client_within_rights`].
pub(in crate::admin) async fn require_removable(
    change: &mut AuditedChange,
    principal: &Principal,
    id: &ClientId,
    resource: &ResourceId,
) -> Result<(), AdminError> {
    let client = change.read().client_owner(id).await?;
    if principal.owners().is_some() && !principal.may_administer(client.as_ref()) {
        let owner = change.read().resource_owner(resource).await?;
        let is_own = principal.may_administer(owner.as_ref());
        if is_own && change.transaction.grant(id, resource).await?.is_some() {
            return Ok(());
        }
    }
    client_within_rights(change.read(), principal, id).await.map(|_| ())
}

/// True if a grant gives nothing that the other one does not give. The claims must be equal,
/// because an API may allow more to a token that lacks a claim.
fn is_within(is: &Grant, was: &Grant) -> bool {
    let has_scopes_within = match (&is.scopes, &was.scopes) {
        (_, GrantedScopes::All) => true,
        (GrantedScopes::All, GrantedScopes::Only(_)) => false,
        (GrantedScopes::Only(is), GrantedScopes::Only(was)) => is.first_outside(was).is_none(),
    };
    has_scopes_within && is.claims == was.claims && is.networks.is_within(&was.networks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scope::Scopes;
    use crate::model::security::Networks;
    use crate::model::static_claims::StaticClaims;

    fn grant(scopes: &str, networks: &str, claims: &str) -> Grant {
        Grant {
            resource: ResourceId::parse("https://a.example").expect("a resource"),
            scopes: match scopes {
                "all" => GrantedScopes::All,
                _ => GrantedScopes::Only(Scopes::parse(scopes).expect("scopes")),
            },
            networks: Networks::parse(networks).expect("networks"),
            claims: StaticClaims::parse(claims).expect("claims"),
        }
    }

    #[test]
    fn a_grant_is_narrowed_without_an_approval_and_never_widened() {
        let tenant = r#"{"tenant":"acme"}"#;
        for (is, was, is_narrower) in [
            (grant("a", "", "{}"), grant("a b", "", "{}"), true),
            (grant("a", "", "{}"), grant("all", "", "{}"), true),
            (grant("all", "", "{}"), grant("all", "", "{}"), true),
            (grant("a b", "", "{}"), grant("a", "", "{}"), false),
            (grant("all", "", "{}"), grant("a", "", "{}"), false),
            (grant("a", "10.0.0.0/8", "{}"), grant("a", "", "{}"), true),
            (grant("a", "10.1.0.0/16", "{}"), grant("a", "10.0.0.0/8", "{}"), true),
            (grant("a", "", "{}"), grant("a", "10.0.0.0/8", "{}"), false),
            (grant("a", "11.0.0.0/8", "{}"), grant("a", "10.0.0.0/8", "{}"), false),
            (grant("a", "", tenant), grant("a", "", tenant), true),
            (grant("a", "", tenant), grant("a", "", "{}"), false),
            // An API may treat a token without a tenant as valid for every tenant.
            (grant("a", "", "{}"), grant("a", "", tenant), false),
        ] {
            assert_eq!(is_within(&is, &was), is_narrower, "{is:?} within {was:?}");
        }
    }
}
