//! Changes of static claims, and their size limits for a client together with each grant.

use crate::admin::{AdminError, ObjectKind};
use crate::model::grant::Grant;
use crate::model::static_claims::{ClaimsError, ClaimsPatch, StaticClaims};

/// A change of the static claims of a client or of a grant.
#[derive(Debug, Clone)]
pub enum ClaimsChange {
    /// Replaces all claims.
    Replace(StaticClaims),
    /// Adds or replaces some claims by name, and removes others.
    Edit {
        /// The claims to set.
        set: StaticClaims,
        /// The names to remove.
        remove: Vec<String>,
    },
    /// Applies a merge patch.
    Merge(ClaimsPatch),
}

impl ClaimsChange {
    /// Returns the claims after the change.
    ///
    /// # Errors
    /// Not found, if `was` lacks a name to remove; or an invalid name in a patch.
    pub(in crate::admin) fn apply_to(self, was: &StaticClaims) -> Result<StaticClaims, AdminError> {
        match self {
            Self::Replace(claims) => Ok(claims),
            Self::Edit { set, remove } => {
                let has = |name: &str| was.iter().any(|(known, _)| known == name);
                if let Some(absent) = remove.iter().find(|name| !has(name)) {
                    return Err(AdminError::not_found(ObjectKind::Claim, absent));
                }
                Ok(was.edited(&set, &remove))
            }
            Self::Merge(patch) => Ok(was.patched(&patch)?),
        }
    }
}

/// Checks that the claims of a client fit into a token together with the claims of each grant.
///
/// # Errors
/// [`ClaimsError::Names`] or [`ClaimsError::Bytes`].
pub(in crate::admin) fn check_sizes(
    client: &StaticClaims,
    grants: &[Grant],
) -> Result<(), ClaimsError> {
    client.check_size()?;
    grants.iter().try_for_each(|grant| client.merged(&grant.claims).check_size())
}
