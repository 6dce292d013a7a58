//! The rights that a step requires: the same as for the corresponding single calls.

use crate::admin::{AdminError, Principal};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{Client, Registration};
use crate::model::resource::Resource;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;

/// Rejects a caller that may neither read nor write the objects that a plan shows.
pub(super) fn require_view(
    principal: &Principal,
    read: AdminScope,
    write: AdminScope,
) -> Result<(), AdminError> {
    principal.require(read).or_else(|_| principal.require(write))
}

/// Rejects an existing resource that the caller may not see, before anything is revealed about it.
pub(super) fn require_visible_resource(
    principal: &Principal,
    before: Option<&Resource>,
) -> Result<(), AdminError> {
    match before {
        Some(before) if !principal.may_administer(before.facts.owner.as_ref()) => {
            Err(AdminError::no_resource(&before.resource))
        }
        _ => Ok(()),
    }
}

/// Like [`require_visible_resource`], but for a client.
pub(super) fn require_visible_client(
    principal: &Principal,
    before: Option<&Registration>,
) -> Result<(), AdminError> {
    match before {
        Some(before) if !principal.may_administer(before.client.facts.owner.as_ref()) => {
            Err(AdminError::no_client(&before.client.client_id))
        }
        _ => Ok(()),
    }
}

/// Rejects a caller that may not bring a resource into the state `desired`.
pub(super) fn require_resource(
    principal: &Principal,
    desired: &Resource,
) -> Result<(), AdminError> {
    principal.require(AdminScope::ResourcesWrite)?;
    principal.require_owner(desired.facts.owner.as_ref())
}

/// Rejects a caller that may not delete a resource together with its grants.
pub(super) fn require_resource_deletion(
    principal: &Principal,
    has_grants: bool,
) -> Result<(), AdminError> {
    principal.require(AdminScope::ResourcesWrite)?;
    if has_grants { principal.require(AdminScope::GrantsWrite) } else { Ok(()) }
}

pub(super) fn require_client_deletion(
    principal: &Principal,
    found: &Registration,
) -> Result<(), AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    principal.require_rights_over(found)
}

/// Rejects a caller that may not change a client from `before` to `desired`.
pub(super) fn require_client(
    principal: &Principal,
    before: Option<&Registration>,
    desired: &Registration,
    gets_secret: bool,
) -> Result<(), AdminError> {
    if let Some(before) = before {
        principal.require_rights_over(before)?;
    }
    principal.require_owner(desired.client.facts.owner.as_ref())?;
    let was = before.map(|before| &before.client);
    if was.is_none_or(|was| differs(was, &desired.client)) {
        principal.require(AdminScope::ClientsWrite)?;
    }
    let (keys, subject) = match was {
        Some(was) => (was.security.keys.as_ref(), was.security.tls_subject.as_ref()),
        None => (None, None),
    };
    let security = &desired.client.security;
    // The leak policy decides when a leaked secret ends.
    let policy = was.map(|was| was.leak_policy).unwrap_or_default();
    let touches_credentials = gets_secret
        || secrets(before) != secrets(Some(desired))
        || policy != desired.client.leak_policy
        || keys != security.keys.as_ref()
        || subject != security.tls_subject.as_ref()
        || before.map_or(&[][..], |before| &before.trusts) != desired.trusts
        || before.map_or(&[][..], |before| &before.spiffe_trusts) != desired.spiffe_trusts;
    if touches_credentials {
        principal.require(AdminScope::SecretsWrite)?;
    }
    if was.map_or(!desired.client.claims.is_empty(), |was| was.claims != desired.client.claims) {
        principal.require(AdminScope::GrantsWrite)?;
    }
    if was.and_then(|was| was.admin_of.as_ref()) != desired.client.admin_of.as_ref() {
        principal.require_limit_setting()?;
    }
    let before = before.map_or(&[][..], |before| &before.grants);
    let admin_of = desired.client.admin_of.as_ref();
    let changed = desired.grants.iter().filter(|grant| !before.contains(grant));
    let replaced = before.iter().filter(|grant| !desired.grants.contains(grant));
    changed.chain(replaced).try_for_each(|grant| principal.require_grantable(grant, admin_of))
}

/// Returns the members of secrets that a declaration may change.
fn secrets(of: Option<&Registration>) -> Vec<(&SecretId, &str, Option<Timestamp>)> {
    let secrets = of.map_or(&[][..], |of| &of.secrets).iter();
    secrets.map(|one| (&one.secret_id, one.label.as_str(), one.expires_at)).collect()
}

/// True if the states differ in a member that needs `clients:write`.
fn differs(was: &Client, is: &Client) -> bool {
    let plain = |client: &Client| {
        let mut value = serde_json::json!(client);
        for name in ["admin_of", "jwks", "jwks_uri", "updated_at"] {
            value.as_object_mut().map(|members| members.remove(name));
        }
        value
    };
    plain(was) != plain(is)
}
