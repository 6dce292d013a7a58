//! Revisions: a caller names the state of an object that it has read, so that its change does not
//! overwrite another state (RFC 9110, section 13.1).

use serde_json::{Value, json};

use crate::crypto::digest;
use crate::model::client::Registration;
use crate::model::resource::Resource;

/// The identifier of a state of an object: states that differ have different revisions. It covers
/// everything that a caller can change, but not the time of the last use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    /// Returns the revision of a client with its grants, secrets and trusts, which are shown
    /// together. It covers neither use nor states that follow from the current time alone.
    pub fn of_client(found: &Registration) -> Self {
        let secrets = found.secrets.iter().map(|secret| {
            json!([
                secret.secret_id,
                secret.label,
                secret.expires_at,
                secret.replaced_by,
                secret.unused_window,
                secret.leaked_at,
            ])
        });
        Self::of(&json!({
            "client": found.client,
            "grants": found.grants,
            "secrets": secrets.collect::<Vec<_>>(),
            "trusts": found.trusts,
            "spiffe_trusts": found.spiffe_trusts,
        }))
    }

    /// Returns the revision of a resource.
    pub fn of_resource(resource: &Resource) -> Self {
        Self::of(&json!(resource))
    }

    fn of(state: &Value) -> Self {
        Self(digest::of_bytes(state.to_string().as_bytes()))
    }

    /// Returns the revision as text, in base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The condition that a caller sets on the current state of an object before a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// No condition.
    #[default]
    None,
    /// The object exists.
    Exists,
    /// The object exists and has one of these revisions.
    Revision(Vec<String>),
    /// The object does not exist.
    Absent,
    /// The object does not exist or already has the wanted state: the caller did not name the state
    /// that it would replace.
    Unchanged,
}

/// Why the state of an object does not permit a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreconditionError {
    /// The object has another state than the caller has read.
    #[error("the object has changed since it was read; read it again")]
    Changed,
    /// The object exists, and the caller requires that it does not.
    #[error("the object exists already")]
    Exists,
    /// The change would replace a state that the caller did not name.
    #[error("the object differs, and no revision is given; read the object and give its revision")]
    RevisionMissing,
}

impl Precondition {
    /// True if an object that does not exist yet meets the condition.
    pub fn admits_absence(&self) -> bool {
        matches!(self, Self::None | Self::Absent | Self::Unchanged)
    }

    /// Rejects the change if the current state does not meet the condition.
    pub fn check(&self, present: &Revision) -> Result<(), PreconditionError> {
        match self {
            Self::Revision(wanted) if !wanted.contains(&present.0) => {
                Err(PreconditionError::Changed)
            }
            Self::Absent => Err(PreconditionError::Exists),
            _ => Ok(()),
        }
    }

    /// Rejects a change of the state if the caller named no state to replace.
    pub(super) fn check_difference(&self) -> Result<(), PreconditionError> {
        match self {
            Self::Unchanged => Err(PreconditionError::RevisionMissing),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_names_the_states_that_it_admits() {
        let present = Revision::of(&json!({ "a": 1 }));
        assert_eq!(present, Revision::of(&json!({ "a": 1 })));
        assert_ne!(present, Revision::of(&json!({ "a": 2 })));
        let named = |names: &[&str]| {
            Precondition::Revision(names.iter().map(|name| (*name).to_owned()).collect())
        };
        for (condition, is_met, admits_absence, admits_difference) in [
            (Precondition::None, true, true, true),
            (Precondition::Exists, true, false, true),
            (Precondition::Unchanged, true, true, false),
            (Precondition::Absent, false, true, true),
            (named(&["other", present.as_str()]), true, false, true),
            (named(&["other"]), false, false, true),
            (named(&[]), false, false, true),
        ] {
            assert_eq!(condition.check(&present).is_ok(), is_met, "{condition:?}");
            assert_eq!(condition.admits_absence(), admits_absence, "{condition:?}");
            assert_eq!(condition.check_difference().is_ok(), admits_difference, "{condition:?}");
        }
    }
}
