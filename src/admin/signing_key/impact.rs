//! The impact of a step with signing keys.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::{AdminError, Conflict, Principal};
use crate::model::time::Timestamp;

/// What a step breaks for clients and verifiers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Impact {
    /// Present if tokens that are valid become invalid: when the last of them would expire.
    pub invalid_tokens_until: Option<Timestamp>,
    /// Present if a key signs before every verifier knows it: when all of them do.
    pub unknown_key_until: Option<Timestamp>,
}

impl Impact {
    /// True if the step breaks nothing.
    pub fn is_harmless(&self) -> bool {
        *self == Self::default()
    }

    /// Rejects a step that breaks something, unless the caller forces it.
    pub(super) fn require_force(self, principal: &Principal) -> Result<(), AdminError> {
        if self.is_harmless() || principal.is_forced() {
            return Ok(());
        }
        Err(Conflict::BreaksVerifiers(self).into())
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the step breaks tokens or verifiers that work now")?;
        if let Some(until) = self.invalid_tokens_until {
            write!(formatter, "; tokens that are valid until {until} become invalid")?;
        }
        if let Some(until) = self.unknown_key_until {
            write!(
                formatter,
                "; a key would sign now that verifiers may not know before {until}, and they \
                 reject its tokens"
            )?;
        }
        Ok(())
    }
}
