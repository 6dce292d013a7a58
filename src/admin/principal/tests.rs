use super::*;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::security::{ClientSecurity, Networks};
use crate::model::static_claims::StaticClaims;

fn grant(resource: &str, scopes: &str) -> Grant {
    let scopes = match scopes {
        "" => GrantedScopes::All,
        _ => GrantedScopes::Only(Scopes::parse(scopes).expect("scopes")),
    };
    let resource = ResourceId::parse(resource).expect("a resource");
    Grant { resource, scopes, networks: Networks::default(), claims: StaticClaims::default() }
}

fn owners(names: &[&str]) -> BTreeSet<Owner> {
    names.iter().map(|name| Owner::stored(name)).collect()
}

fn limited(scopes: &str, owners: Option<BTreeSet<Owner>>) -> Principal {
    let id = ClientId::parse("ops").expect("an id");
    let scopes = AdminScope::known(&Scopes::parse(scopes).expect("scopes"));
    Principal::administrator(&id, scopes, owners)
}

fn administrator(scopes: &str) -> Principal {
    limited(scopes, None)
}

#[test]
fn only_rights_that_the_caller_holds_can_be_granted() {
    let caller = administrator("grants:write admins:write clients:read");
    let server = ResourceId::SERVER;
    for (granted, is_allowed) in [
        ("clients:read", true),
        ("clients:read grants:write", true),
        ("clients:write", false),
        ("clients:read unknown", false),
        ("", false),
    ] {
        let checked = caller.require_grantable(&grant(server, granted), None);
        assert_eq!(checked.is_ok(), is_allowed, "{granted}");
    }
    assert!(caller.require_grantable(&grant("https://orders.example.com", ""), None).is_ok());
    let no_admins = administrator("grants:write clients:read");
    assert!(no_admins.require_grantable(&grant(server, "clients:read"), None).is_err());
    assert!(no_admins.require_grantable(&grant("https://orders.example.com", ""), None).is_ok());
    let no_grants = administrator("admins:write clients:read");
    assert!(no_grants.require_grantable(&grant(server, "clients:read"), None).is_err());
}

#[test]
fn a_limited_administrator_makes_no_administrator_of_more_owners() {
    let caller = limited("grants:write admins:write", Some(owners(&["a", "b"])));
    let grant = grant(ResourceId::SERVER, "grants:write");
    for (admin_of, is_allowed) in [
        (Some(owners(&[])), true),
        (Some(owners(&["a"])), true),
        (Some(owners(&["a", "b"])), true),
        (Some(owners(&["a", "c"])), false),
        (None, false),
    ] {
        let checked = caller.require_grantable(&grant, admin_of.as_ref());
        assert_eq!(checked.is_ok(), is_allowed, "{admin_of:?}");
    }
    let nothing = limited("grants:write admins:write", Some(owners(&[])));
    assert!(nothing.require_grantable(&grant, Some(&owners(&["a"]))).is_err());
}

#[test]
fn credentials_of_a_restricted_administrator_are_those_of_a_caller_without_rights() {
    let granted = GrantedScopes::Only(Scopes::parse("clients:read").expect("scopes"));
    let security = ClientSecurity { dpop_bound: true, ..ClientSecurity::default() };
    let restrictions = Restrictions::of(&security, &[]);
    let restricted = administrator("clients:read").within(restrictions.clone());
    assert!(!restricted.creator().has_all(&granted));
    let maker = administrator("clients:read admins:write").within(restrictions);
    assert!(maker.creator().has_all(&granted), "it can make an administrator as it likes");
}

#[test]
fn credentials_of_a_limited_administrator_are_those_of_a_caller_without_rights() {
    let granted = GrantedScopes::Only(Scopes::parse("clients:read").expect("scopes"));
    assert!(administrator("clients:read").creator().has_all(&granted));
    for held in [&["a"][..], &[]] {
        let creator = limited("clients:read", Some(owners(held))).creator();
        assert!(!creator.has_all(&granted), "{held:?}");
    }
}
