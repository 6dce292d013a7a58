//! The action for a secret of a client that is reported as leaked.

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::text::schema::text_schema;

/// The action for a secret of a client that is reported as leaked. Every report is an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LeakPolicy {
    /// The secret remains valid, and the team decides.
    #[default]
    Report,
    /// The secret expires in 24 hours, unless it expires earlier.
    EndIn24h,
    /// The secret expires immediately.
    EndNow,
}

text_schema!(
    LeakPolicy,
    "What is done with a secret that is reported as leaked.",
    enum_values(Some(Self::ALL.map(Self::as_str))),
);

impl LeakPolicy {
    /// All policies.
    pub const ALL: [Self; 3] = [Self::Report, Self::EndIn24h, Self::EndNow];

    /// Parses a policy in the stored and displayed form.
    ///
    /// # Errors
    /// If it is not one of [`Self::ALL`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Malformed::because(format!("a leak policy is one of {known}"))
        })
    }

    /// Returns the policy in the stored and displayed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::EndIn24h => "end_in_24h",
            Self::EndNow => "end_now",
        }
    }
}

impl Serialize for LeakPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_round_trips_and_other_words_are_rejected() {
        for policy in LeakPolicy::ALL {
            assert_eq!(LeakPolicy::parse(policy.as_str()), Ok(policy));
        }
        for text in ["", "End_now", "end", "off"] {
            let error = LeakPolicy::parse(text).expect_err(text).to_string();
            assert!(error.ends_with("report, end_in_24h, end_now"), "{error}");
        }
    }
}
