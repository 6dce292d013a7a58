//! Access by owner: an administrator may be limited to owners (D17). For objects of other owners
//! the response is the same as for missing ones.

use std::collections::BTreeSet;

use crate::admin::{
    AdminError, AuditedChange, ObjectKind, Principal, grant, principal, registration,
};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{Client, ClientId, Registration};
use crate::model::grant::Grant;
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId};
use crate::store::reader::Reader;

impl Principal {
    /// True if the caller may see and change objects of this owner. Objects without an owner are
    /// reserved for administrators without a limit.
    pub fn may_administer(&self, owner: Option<&Owner>) -> bool {
        self.owners().is_none_or(|held| owner.is_some_and(|owner| held.contains(owner)))
    }

    /// Returns the owners of a query that the caller may see; `None` means all.
    pub(in crate::admin) fn owners_among(
        &self,
        asked: Option<BTreeSet<Owner>>,
    ) -> Option<BTreeSet<Owner>> {
        match (self.owners(), asked) {
            (None, asked) => asked,
            (Some(held), None) => Some(held.clone()),
            (Some(held), Some(asked)) => Some(asked.intersection(held).cloned().collect()),
        }
    }

    /// Rejects an owner whose objects the caller may not change, for a new object or a change of
    /// the owner.
    ///
    /// # Errors
    /// [`AdminError::OwnerNotHeld`].
    pub(in crate::admin) fn require_owner(&self, owner: Option<&Owner>) -> Result<(), AdminError> {
        if self.may_administer(owner) {
            return Ok(());
        }
        Err(AdminError::OwnerNotHeld { owner: owner.cloned() })
    }

    /// Rejects a caller that is limited to owners, for an operation that concerns all of them.
    ///
    /// # Errors
    /// [`AdminError::Limited`].
    pub fn require_all_owners(&self, what: &'static str) -> Result<(), AdminError> {
        match self.owners() {
            None => Ok(()),
            Some(_) => Err(AdminError::Limited { what }),
        }
    }

    /// Rejects a caller that may not limit an administrator to owners.
    ///
    /// # Errors
    /// [`AdminError::ScopeMissing`] and [`AdminError::Limited`].
    pub(in crate::admin) fn require_limit_setting(&self) -> Result<(), AdminError> {
        self.require(AdminScope::AdminsWrite)?;
        self.require_all_owners("admin_of: to set it")
    }
}

/// Reads a client that must exist and that the caller may see.
///
/// # Errors
/// Not found, also for a client of an owner that the caller may not administer.
pub(in crate::admin) async fn visible_client(
    reader: Reader<'_>,
    principal: &Principal,
    id: &ClientId,
) -> Result<Registration, AdminError> {
    let found = registration(reader, id).await?;
    if principal.may_administer(found.client.facts.owner.as_ref()) {
        return Ok(found);
    }
    Err(AdminError::no_client(id))
}

/// Reads a client that must exist, that the caller may see, and whose rights the caller holds: see
/// [`Principal::require_rights_over`]. This check is enough for state that sources do not declare:
/// secrets and revocations. An operation that may change nothing calls
/// [`Principal::require_unmanaged_client`] once something differs.
///
/// # Errors
/// As [`visible_client`], and [`AdminError::MorePowerful`].
pub(in crate::admin) async fn client_within_rights(
    reader: Reader<'_>,
    principal: &Principal,
    id: &ClientId,
) -> Result<Registration, AdminError> {
    let found = visible_client(reader, principal, id).await?;
    principal.require_rights_over(&found)?;
    Ok(found)
}

/// Reads a client that must exist and whose declared state the caller may change: see
/// [`Principal::require_unmanaged`].
///
/// # Errors
/// As [`client_within_rights`], and a conflict with the source of the client.
pub(in crate::admin) async fn client_to_change(
    reader: Reader<'_>,
    principal: &Principal,
    id: &ClientId,
) -> Result<Registration, AdminError> {
    let found = client_within_rights(reader, principal, id).await?;
    principal.require_unmanaged_client(&found.client)?;
    Ok(found)
}

/// Reads a resource that must exist and that the caller may see and change.
///
/// # Errors
/// Not found, also for a resource of an owner that the caller may not administer.
pub(in crate::admin) async fn visible_resource(
    mut reader: Reader<'_>,
    principal: &Principal,
    id: &ResourceId,
) -> Result<Resource, AdminError> {
    let found = reader.resource(id).await?;
    found
        .filter(|found| principal.may_administer(found.facts.owner.as_ref()))
        .ok_or_else(|| AdminError::no_resource(id))
}

/// Reads a resource that must exist and that the caller may change: see
/// [`Principal::require_unmanaged`].
///
/// # Errors
/// As [`visible_resource`], and a conflict with the source of the resource.
pub(in crate::admin) async fn resource_to_change(
    reader: Reader<'_>,
    principal: &Principal,
    id: &ResourceId,
) -> Result<Resource, AdminError> {
    let found = visible_resource(reader, principal, id).await?;
    principal.require_unmanaged(ObjectKind::Resource, id.as_str(), found.source.as_ref())?;
    Ok(found)
}

/// Checks a change of a whole client against the rules for changes of single members. `before` is
/// `None` for a new client.
///
/// # Errors
/// As for the changes of single members.
pub(in crate::admin) async fn check_whole_client(
    change: &mut AuditedChange,
    principal: &Principal,
    before: Option<&Registration>,
    client: &Client,
    grants: &[Grant],
) -> Result<(), AdminError> {
    let id = &client.client_id;
    let owner = before.map(|before| before.client.facts.owner.as_ref());
    if owner.is_some_and(|owner| !principal.may_administer(owner)) {
        return Err(AdminError::no_client(id));
    }
    if let Some(before) = before {
        principal.require_rights_over(before)?;
        principal::restrictions::require_kept(principal, &before.client, client, &before.grants)?;
    }
    principal.require_owner(client.facts.owner.as_ref())?;
    let admin_of = client.admin_of.as_ref();
    if before.and_then(|before| before.client.admin_of.as_ref()) != admin_of {
        principal.require_limit_setting()?;
    }
    let known = before.map(|before| before.grants.as_slice()).unwrap_or_default();
    for new in grants.iter().filter(|grant| !known.contains(grant)) {
        principal.require(AdminScope::GrantsWrite)?;
        let was = known.iter().find(|known| known.resource == new.resource);
        grant::foreign::check(change.read(), principal, was, new).await?;
        let offered = change.transaction.offered_scopes(&new.resource).await?;
        let offered = offered.ok_or_else(|| AdminError::no_resource(&new.resource))?;
        grant::check_scopes(new, &offered)?;
        principal.require_grantable(new, admin_of)?;
    }
    let is_kept = |known: &&Grant| grants.iter().any(|grant| grant.resource == known.resource);
    for removed in known.iter().filter(|known| !is_kept(known)) {
        principal.require_grantable(removed, admin_of)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Actor;

    #[test]
    fn an_administrator_sees_its_owners_and_nothing_without_an_owner() {
        let (a, b) = (Owner::stored("a"), Owner::stored("b"));
        let of = |owners: Option<&[&Owner]>| {
            let owners = owners.map(|owners| owners.iter().copied().cloned().collect());
            let id = ClientId::parse("ops").expect("an id");
            Principal::administrator(&id, BTreeSet::new(), owners)
        };
        let all = Principal::operator(Actor::server());
        for (principal, sees_a, sees_b, sees_none) in [
            (all, true, true, true),
            (of(None), true, true, true),
            (of(Some(&[&a])), true, false, false),
            (of(Some(&[&a, &b])), true, true, false),
            (of(Some(&[])), false, false, false),
        ] {
            let seen = [Some(&a), Some(&b), None].map(|owner| principal.may_administer(owner));
            assert_eq!(seen, [sees_a, sees_b, sees_none], "{principal:?}");
        }
    }
}
