//! Restrictions of administrators: the networks that they act from, and the binding of their
//! tokens. An administrator has its rights only within these, so loosening them gives more rights.

use crate::admin::{AdminError, Principal};
use crate::model::admin_scope::AdminScope;
use crate::model::client::Client;
use crate::model::grant::Grant;
use crate::model::security::{ClientSecurity, Networks};

/// The restrictions of an administrator.
#[derive(Debug, Clone, Default)]
pub struct Restrictions {
    dpop_bound: bool,
    certificate_bound: bool,
    /// The networks that must all contain the address of the administrator.
    networks: Vec<Networks>,
}

impl Restrictions {
    /// Returns the restrictions of a client and of its grant of `urn:tokend`.
    pub fn of(security: &ClientSecurity, grants: &[Grant]) -> Self {
        let granted = grants.iter().filter(|grant| grant.resource.is_built_in());
        let granted = granted.map(|grant| &grant.networks);
        let networks = std::iter::once(&security.networks).chain(granted);
        Self {
            dpop_bound: security.dpop_bound,
            certificate_bound: security.certificate_bound,
            networks: networks.filter(|networks| !networks.is_anywhere()).cloned().collect(),
        }
    }

    /// True if `other` forbids everything that `self` forbids.
    pub(super) fn hold_within(&self, other: &Self) -> bool {
        let is_within = |limit: &Networks| other.networks.iter().any(|held| held.is_within(limit));
        (!self.dpop_bound || other.dpop_bound)
            && (!self.certificate_bound || other.certificate_bound)
            && self.networks.iter().all(is_within)
    }
}

/// Rejects a change that loosens the restrictions of an administrator, including the caller itself.
/// A caller that may create administrators is allowed to: it could create one without restrictions.
///
/// # Errors
/// [`AdminError::ScopeMissing`].
pub(in crate::admin) fn require_kept(
    principal: &Principal,
    before: &Client,
    after: &Client,
    grants: &[Grant],
) -> Result<(), AdminError> {
    let is_administrator = grants.iter().any(|grant| grant.resource.is_built_in());
    let of = |client: &Client| Restrictions::of(&client.security, &[]);
    if is_administrator && !of(before).hold_within(&of(after)) {
        return principal.require(AdminScope::AdminsWrite);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restrictions(dpop_bound: bool, networks: &[&str]) -> Restrictions {
        let networks = networks.iter().map(|text| Networks::parse(text).expect("networks"));
        Restrictions { dpop_bound, certificate_bound: false, networks: networks.collect() }
    }

    #[test]
    fn a_less_restricted_administrator_is_detected() {
        let (small, large) = ("10.1.0.0/16", "10.0.0.0/8");
        for (caller, other, is_held) in [
            (restrictions(false, &[]), restrictions(false, &[]), true),
            (restrictions(false, &[]), restrictions(true, &[small]), true),
            (restrictions(true, &[]), restrictions(false, &[]), false),
            (restrictions(true, &[]), restrictions(true, &[]), true),
            (restrictions(false, &[large]), restrictions(false, &[]), false),
            (restrictions(false, &[large]), restrictions(false, &[small]), true),
            (restrictions(false, &[small]), restrictions(false, &[large]), false),
            (restrictions(false, &[large]), restrictions(false, &["192.0.2.0/24", small]), true),
            (restrictions(false, &[large, "192.0.2.0/24"]), restrictions(false, &[small]), false),
            (restrictions(true, &[large]), restrictions(false, &[small]), false),
        ] {
            assert_eq!(caller.hold_within(&other), is_held, "{caller:?} {other:?}");
        }
    }
}
