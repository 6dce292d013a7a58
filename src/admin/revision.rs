//! Revisions: which state of an object a caller has read, so that it replaces no other one (RFC
//! 9110, section 13.1).

use serde_json::{Value, json};

use crate::admin::AdminError;
use crate::crypto::digest;
use crate::model::client::Registration;
use crate::model::resource::Resource;

/// The name of a state: two states of an object that differ have different revisions. It covers
/// what a caller can change, and not when the object was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    /// The revision of a client with its grants, secrets and trusts: a client is shown with all of
    /// them. It does not cover use, nor what follows from the time alone.
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

    /// The revision of a resource.
    pub fn of_resource(resource: &Resource) -> Self {
        Self::of(&json!(resource))
    }

    fn of(state: &Value) -> Self {
        Self(digest::of_bytes(state.to_string().as_bytes()))
    }

    /// The revision as text, in base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a caller requires of the present state of an object before a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// The object exists.
    Exists,
    /// The object exists and has one of these revisions.
    Revision(Vec<String>),
    /// The object does not exist.
    Absent,
    /// The object has the wanted state already, if it exists: the caller has not said which state
    /// it would replace.
    Unchanged,
}

impl Precondition {
    /// True if an object that does not exist yet meets the condition.
    pub fn admits_absence(&self) -> bool {
        matches!(self, Self::None | Self::Absent | Self::Unchanged)
    }

    /// Rejects a change of another state.
    ///
    /// # Errors
    /// [`AdminError::PreconditionFailed`] or [`AdminError::ExistsAlready`].
    pub fn check(&self, present: &Revision) -> Result<(), AdminError> {
        match self {
            Self::Revision(wanted) if !wanted.contains(&present.0) => {
                Err(AdminError::PreconditionFailed)
            }
            Self::Absent => Err(AdminError::ExistsAlready),
            _ => Ok(()),
        }
    }

    /// Rejects a change that changes something.
    ///
    /// # Errors
    /// [`AdminError::PreconditionRequired`].
    pub(super) fn check_difference(&self) -> Result<(), AdminError> {
        match self {
            Self::Unchanged => Err(AdminError::PreconditionRequired),
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
