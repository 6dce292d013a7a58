//! Grants of clients: the scopes of a resource that a client may get, and the networks it may use
//! them from.

pub(super) mod foreign;
pub(super) mod stale_scopes;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::admin::client::claims::ClaimsChange;
use crate::admin::error::invalid_value::InvalidValue;
use crate::admin::{
    AdminError, AuditedChange, Changed, EndedCredentials, ObjectKind, Principal, client,
    client_within_rights, registration,
};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{Client, ClientId, Registration};
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::services::Services;
use crate::store::reader::Reader;
use crate::text::suggestion;

/// A change of a client's grant for a resource.
#[derive(Debug)]
pub struct GrantChange {
    /// The resource.
    pub resource: ResourceId,
    /// The scopes.
    pub scopes: ScopeChange,
    /// The networks that the grant may be used from. `None` leaves them unchanged; a new grant can
    /// then be used from anywhere.
    pub networks: Option<Networks>,
    /// The claims of its tokens, which override claims of the client with the same name.
    pub claims: Option<ClaimsChange>,
}

/// A change of the scopes of a grant.
#[derive(Debug)]
pub enum ScopeChange {
    /// Keeps the scopes. A new grant has all scopes.
    Keep,
    /// Grants every scope that the resource offers, now and later.
    All,
    /// Replaces the scopes.
    Only(Scopes),
    /// Adds and removes scopes.
    Edit {
        /// The scopes to add.
        add: Scopes,
        /// The scopes to remove.
        remove: Scopes,
    },
}

/// The result of a change of a grant.
#[derive(Debug)]
pub struct ChangedGrant {
    /// The grant before the change, if there was one.
    pub was: Option<Grant>,
    /// The grant after the change.
    pub is: Grant,
    /// The scopes that the resource offers, which are those of a grant of all scopes.
    pub offered: Scopes,
    /// The credentials of the client that ended because their creators lack scopes of the grant.
    pub ended_credentials: EndedCredentials,
}

/// Creates or changes the grant of a client. Everything is read in the transaction that writes, so
/// the later of two concurrent changes sees the earlier one.
pub async fn change(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    change: GrantChange,
) -> Result<Changed<ChangedGrant>, AdminError> {
    principal.require(AdminScope::GrantsWrite)?;
    let GrantChange { resource, scopes, networks, claims } = change;
    let mut change = principal.begin(services).await?;
    let mut current = client_within_rights(change.read(), principal, id).await?;
    let owner = change.read().resource_owner(&resource).await?;
    let is_foreign = !resource.is_built_in() && !principal.may_administer(owner.as_ref());
    let offered = change.transaction.offered_scopes(&resource).await?;
    let offered = offered.ok_or_else(|| AdminError::no_resource(&resource))?;
    let was = change.transaction.grant(id, &resource).await?;
    let scopes = changed_scopes(scopes, was.as_ref(), &offered, &resource);
    // The caller may not learn which scopes the resource of another owner offers.
    let scopes = scopes.map_err(|error| match error {
        AdminError::Invalid { .. } if is_foreign => {
            AdminError::ApprovalNeeded { resource: resource.clone() }
        }
        error => error,
    })?;
    // Restrictions must not be lost when the scopes change.
    let earlier = was.as_ref().map(|grant| grant.networks.clone());
    let networks = networks.or(earlier).unwrap_or_default();
    let earlier = was.as_ref().map(|grant| grant.claims.clone()).unwrap_or_default();
    let claims = match claims {
        None => earlier,
        Some(change) => {
            let claims = change.apply_to(&earlier)?;
            current.client.claims.merged(&claims).check_size()?;
            claims
        }
    };
    let is = Grant { resource, scopes, networks, claims };
    principal.require_grantable(&is, current.client.admin_of.as_ref())?;
    foreign::check(change.read(), principal, was.as_ref(), &is).await?;
    if was.as_ref() == Some(&is) {
        let ended_credentials = EndedCredentials::default();
        return Ok(Changed::before(ChangedGrant { was, is, offered, ended_credentials }));
    }
    principal.require_unmanaged_client(&current.client)?;
    let granted = std::slice::from_ref(&is);
    change.transaction.put_grant(id, &is).await?;
    let ended_credentials =
        client::weaker_credentials::end(&mut change, &mut current, granted).await?;
    record_given(&mut change, id, was.as_ref(), &is, &offered, &ended_credentials).await?;
    change.commit().await?;
    Ok(Changed::now(ChangedGrant { was, is, offered, ended_credentials }))
}

fn changed_scopes(
    change: ScopeChange,
    was: Option<&Grant>,
    offered: &Scopes,
    resource: &ResourceId,
) -> Result<GrantedScopes, AdminError> {
    let before = was.map(|grant| &grant.scopes);
    match (change, before) {
        (ScopeChange::Keep, Some(before)) => Ok(before.clone()),
        (ScopeChange::Keep, None) | (ScopeChange::All, _) if resource.is_built_in() => {
            Err(AdminError::AllServerScopes)
        }
        (ScopeChange::Keep, None) | (ScopeChange::All, _) => Ok(GrantedScopes::All),
        (ScopeChange::Only(scopes), _) => {
            check_offered(resource, &scopes, offered)?;
            Ok(GrantedScopes::Only(scopes))
        }
        (ScopeChange::Edit { add, remove }, before) => {
            check_offered(resource, &add, offered)?;
            let before = match before {
                Some(GrantedScopes::All) if remove.is_empty() => return Ok(GrantedScopes::All),
                Some(GrantedScopes::All) => offered.clone(),
                Some(GrantedScopes::Only(scopes)) => scopes.clone(),
                None => Scopes::default(),
            };
            edited(&before, &add, &remove, resource).map(GrantedScopes::Only)
        }
    }
}

fn edited(
    before: &Scopes,
    add: &Scopes,
    remove: &Scopes,
    resource: &ResourceId,
) -> Result<Scopes, AdminError> {
    if let Some(absent) = remove.first_outside(before) {
        return Err(AdminError::not_found(ObjectKind::GrantedScope, absent));
    }
    let scopes = before.difference(remove).union(add);
    if scopes.is_empty() {
        return Err(AdminError::GrantWithoutScopes { resource: resource.clone() });
    }
    if scopes.len() > Scopes::MAX_COUNT {
        return Err(AdminError::invalid(
            "scope",
            InvalidValue::TooMany { holder: "a grant", max: Scopes::MAX_COUNT, items: "scopes" },
        ));
    }
    Ok(scopes)
}

/// Removes a grant of a client.
pub async fn revoke(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    resource: &ResourceId,
) -> Result<(), AdminError> {
    principal.require(AdminScope::GrantsWrite)?;
    let mut change = principal.begin(services).await?;
    foreign::require_removable(&mut change, principal, id, resource).await?;
    let Some(was) = change.transaction.grant(id, resource).await? else {
        return Err(AdminError::not_found(ObjectKind::Grant, resource));
    };
    let client = registration(change.read(), id).await?.client;
    // The source of the client does not restrict the team of the resource.
    if principal.may_administer(client.facts.owner.as_ref()) {
        principal.require_unmanaged_client(&client)?;
    }
    principal.require_grantable(&was, client.admin_of.as_ref())?;
    delete(&mut change, id, &was).await?;
    change.commit().await?;
    Ok(())
}

/// Records a new or changed grant.
async fn record_given(
    change: &mut AuditedChange,
    id: &ClientId,
    was: Option<&Grant>,
    is: &Grant,
    offered: &Scopes,
    ended: &EndedCredentials,
) -> Result<(), AdminError> {
    let mut detail = json!(is);
    ended.add_to(&mut detail);
    detail["was"] = was.map_or(Value::Null, |was| was.with_offered(offered));
    detail["is"] = is.with_offered(offered);
    let owners = change.owners_of_grant(id, &is.resource).await?;
    let subject = EventSubject::Client(id.clone());
    Ok(change.record_with_owners(Action::GrantChanged, subject, owners, detail).await?)
}

/// Removes a grant and records the event.
pub(super) async fn delete(
    change: &mut AuditedChange,
    id: &ClientId,
    was: &Grant,
) -> Result<(), AdminError> {
    let resource = &was.resource;
    change.transaction.delete_grant(id, resource).await?;
    let owners = change.owners_of_grant(id, resource).await?;
    let was = json!({ "scopes": was.scopes, "networks": was.networks, "claims": was.claims });
    let detail = json!({ "resource": resource, "was": was, "is": null });
    let subject = EventSubject::Client(id.clone());
    Ok(change.record_with_owners(Action::GrantRevoked, subject, owners, detail).await?)
}

/// Replaces the grants of a client with those of `is`, with an event for each change. The caller
/// has checked the rights. Unchanged grants are not checked, because a resource may no longer offer
/// one of their scopes. Returns the credentials that ended because their creators lack scopes of
/// the new grants.
pub(super) async fn replace(
    change: &mut AuditedChange,
    was: &[Grant],
    is: &mut Registration,
) -> Result<EndedCredentials, AdminError> {
    let id = is.client.client_id.clone();
    for gone in was {
        if !is.grants.iter().any(|kept| kept.resource == gone.resource) {
            delete(change, &id, gone).await?;
        }
    }
    let new: Vec<Grant> = is.grants.iter().filter(|grant| !was.contains(grant)).cloned().collect();
    for grant in &new {
        change.transaction.put_grant(&id, grant).await?;
    }
    let ended = client::weaker_credentials::end(change, is, &new).await?;
    for grant in &new {
        let before = was.iter().find(|before| before.resource == grant.resource);
        let offered = change.transaction.offered_scopes(&grant.resource).await?;
        let offered = offered.ok_or_else(|| AdminError::no_resource(&grant.resource))?;
        let of_grant =
            if grant.resource.is_built_in() { ended.clone() } else { EndedCredentials::default() };
        record_given(change, &id, before, grant, &offered, &of_grant).await?;
    }
    Ok(ended)
}

/// Records the grants that a larger change gives or removes, for the owners of their resources.
/// They do not see the event of the change, because the client has another owner.
pub(super) async fn record_for_resource_owners(
    change: &mut AuditedChange,
    client: &Client,
    was: &[Grant],
    is: &[Grant],
) -> Result<(), AdminError> {
    let of = |grants: &[Grant], id: &ResourceId| -> Option<Grant> {
        grants.iter().find(|grant| grant.resource == *id).cloned()
    };
    let resources: BTreeSet<_> = was.iter().chain(is).map(|grant| &grant.resource).collect();
    for resource in resources {
        let (before, now) = (of(was, resource), of(is, resource));
        if before == now {
            continue;
        }
        let owner = client.facts.owner.clone();
        let other_owner = change.read().resource_owner(resource).await?;
        if other_owner.is_none() || other_owner == owner {
            continue;
        }
        let action = if now.is_some() { Action::GrantChanged } else { Action::GrantRevoked };
        let state = |grant: Option<&Grant>| {
            grant.map(|grant| json!({ "scopes": grant.scopes, "networks": grant.networks }))
        };
        let (before, now) = (state(before.as_ref()), state(now.as_ref()));
        let detail = json!({ "resource": resource, "was": before, "is": now });
        let subject = EventSubject::Client(client.client_id.clone());
        let owners = EventOwners { owner, other_owner };
        change.record_with_owners(action, subject, owners, detail).await?;
    }
    Ok(())
}

/// Rejects a grant of scopes that the resource does not offer, usually because of a typing error.
/// Also rejects a new grant for a resource of another owner.
pub(super) async fn check(
    mut reader: Reader<'_>,
    principal: &Principal,
    grant: &Grant,
) -> Result<(), AdminError> {
    let resource = reader.resource(&grant.resource).await?;
    let resource = resource.ok_or_else(|| AdminError::no_resource(&grant.resource))?;
    foreign::check(reader, principal, None, grant).await?;
    check_scopes(grant, &resource.scope_names())
}

/// Rejects scopes that the resource does not offer, and a grant of all scopes of this server. A
/// later version may add scopes, which must not turn a client into an administrator.
pub(super) fn check_scopes(grant: &Grant, offered: &Scopes) -> Result<(), AdminError> {
    match &grant.scopes {
        GrantedScopes::All if grant.resource.is_built_in() => Err(AdminError::AllServerScopes),
        GrantedScopes::All => Ok(()),
        GrantedScopes::Only(wanted) => check_offered(&grant.resource, wanted, offered),
    }
}

pub(super) fn check_offered(
    resource: &ResourceId,
    wanted: &Scopes,
    offered: &Scopes,
) -> Result<(), AdminError> {
    let Some(beyond) = wanted.first_outside(offered) else { return Ok(()) };
    let names = offered.iter().map(|name| name.as_str().to_owned());
    let problem = InvalidValue::ScopeNotOffered {
        resource: resource.clone(),
        scope: beyond.clone(),
        offered: offered.clone(),
        suggestion: suggestion::nearest(beyond.as_str(), names),
    };
    Err(AdminError::invalid("scope", problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::static_claims::StaticClaims;

    fn scopes(text: &str) -> Scopes {
        text.split_whitespace()
            .fold(Scopes::default(), |all, name| all.union(&Scopes::parse(name).expect("a scope")))
    }

    fn changed(change: ScopeChange, was: Option<GrantedScopes>) -> Result<String, AdminError> {
        let resource = ResourceId::parse("https://a.example").expect("a resource");
        let (networks, claims) = (Networks::default(), StaticClaims::default());
        let was = was.map(|scopes| Grant { resource: resource.clone(), scopes, networks, claims });
        let scopes = changed_scopes(change, was.as_ref(), &scopes("a b c"), &resource)?;
        Ok(match scopes {
            GrantedScopes::All => "all".to_owned(),
            GrantedScopes::Only(scopes) => scopes.to_string(),
        })
    }

    fn edit(add: &str, remove: &str) -> ScopeChange {
        ScopeChange::Edit { add: scopes(add), remove: scopes(remove) }
    }

    #[test]
    fn a_grant_never_widens_unless_the_change_names_it() {
        let only = |text: &str| Some(GrantedScopes::Only(scopes(text)));
        let cases = [
            (ScopeChange::Keep, only("a"), "a"),
            (ScopeChange::Keep, Some(GrantedScopes::All), "all"),
            (ScopeChange::Keep, None, "all"),
            (ScopeChange::All, only("a"), "all"),
            (ScopeChange::Only(scopes("b")), only("a"), "b"),
            (edit("b", ""), only("a"), "a b"),
            (edit("b", "a"), only("a"), "b"),
            (edit("b", ""), None, "b"),
            (edit("b", ""), Some(GrantedScopes::All), "all"),
            (edit("", "b"), Some(GrantedScopes::All), "a c"),
            // A scope that the resource no longer offers can still be removed.
            (edit("", "gone"), only("a gone"), "a"),
        ];
        for (change, was, is) in cases {
            let shown = format!("{change:?} of {was:?}");
            assert_eq!(changed(change, was).expect("a grant"), is, "{shown}");
        }
        for (change, was) in [
            (edit("d", ""), only("a")),
            (edit("", "b"), only("a")),
            (edit("", "a"), only("a")),
            (edit("", "a"), None),
            (ScopeChange::Only(scopes("d")), only("a")),
        ] {
            let shown = format!("{change:?} of {was:?}");
            assert!(changed(change, was).is_err(), "{shown}");
        }
    }
}
