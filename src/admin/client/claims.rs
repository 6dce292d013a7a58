//! Changes of static claims, and the bounds that a client and each of its grants share.

use crate::admin::{AdminError, ObjectKind};
use crate::model::grant::Grant;
use crate::model::static_claims::{ClaimsError, ClaimsPatch, StaticClaims};

/// What should change about the static claims of a client or of a grant.
#[derive(Debug, Clone)]
pub enum ClaimsChange {
    /// These and no others.
    Replace(StaticClaims),
    /// The same with some added or replaced by name, and without others.
    Edit {
        /// The claims to add, each in place of the one of the same name.
        set: StaticClaims,
        /// The names to remove.
        remove: Vec<String>,
    },
    /// Those that a merge patch leaves.
    Merge(ClaimsPatch),
}

impl ClaimsChange {
    /// The claims after the change.
    ///
    /// # Errors
    /// Not found, for a name to remove that `was` lacks; or a name of a patch is not accepted.
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

/// Checks that the claims of a client fit into a token together with those of each of its grants.
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
