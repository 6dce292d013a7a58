//! The restrictions of administrators: the networks from which they act, and what their tokens are
//! bound to. Their rights hold within these only, so to loosen them is to give more rights.

use crate::admin::{AdminError, Principal};
use crate::model::admin_scope::AdminScope;
use crate::model::client::Client;
use crate::model::grant::Grant;

/// Refuses a change that loosens the restrictions of an administrator, the caller itself included,
/// unless the caller may make administrators: it could make one without restrictions just as well.
///
/// # Errors
/// [`AdminError::ScopeMissing`].
pub(super) fn require_kept(
    principal: &Principal,
    before: &Client,
    after: &Client,
    grants: &[Grant],
) -> Result<(), AdminError> {
    let is_administrator = grants.iter().any(|grant| grant.resource.is_built_in());
    if is_administrator && is_looser(before, after) {
        return principal.require(AdminScope::AdminsWrite);
    }
    Ok(())
}

fn is_looser(before: &Client, after: &Client) -> bool {
    let (was, is) = (&before.security, &after.security);
    (was.dpop_bound && !is.dpop_bound)
        || (was.certificate_bound && !is.certificate_bound)
        || !is.networks.is_within(&was.networks)
}
