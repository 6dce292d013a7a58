//! The rights that a line of an import requires: the same as for the corresponding single calls,
//! member by member.

use crate::admin::import::check::CheckedLine;
use crate::admin::{AdminError, Principal};
use crate::model::admin_scope::AdminScope;
use crate::model::client::Registration;

/// Rejects a line that the caller may not write. `before` is the existing client, if there is one.
///
/// # Errors
/// [`AdminError::ScopeMissing`], [`AdminError::MorePowerful`] or [`AdminError::RightsNotHeld`].
pub(super) fn require(
    principal: &Principal,
    line: &CheckedLine,
    before: Option<&Registration>,
) -> Result<(), AdminError> {
    principal.require(AdminScope::ClientsWrite)?;
    if let Some(before) = before {
        if !principal.may_administer(before.client.facts.owner.as_ref()) {
            return Err(AdminError::no_client(&line.input.client_id));
        }
        principal.require_rights_over(before)?;
    }
    let input = &line.input;
    // The leak policy decides when a leaked secret ends.
    let touches_credentials = line.has_secrets
        || input.keys.is_some()
        || input.tls_subject.is_some()
        || input.leak_policy.is_some()
        || line.trusts.is_some()
        || line.spiffe_trusts.is_some();
    if touches_credentials {
        principal.require(AdminScope::SecretsWrite)?;
    }
    if input.claims.is_some() {
        principal.require(AdminScope::GrantsWrite)?;
    }
    let Some(given) = &input.grants else { return Ok(()) };
    principal.require(AdminScope::GrantsWrite)?;
    let held = before.map(|before| before.grants.as_slice()).unwrap_or_default();
    let added = given.iter().filter(|grant| !held.contains(grant));
    let taken = held.iter().filter(|grant| !given.contains(grant));
    let admin_of = before.and_then(|before| before.client.admin_of.as_ref());
    added.chain(taken).try_for_each(|grant| principal.require_grantable(grant, admin_of))
}
