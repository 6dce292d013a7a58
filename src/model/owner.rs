//! Owners: the teams to which clients and resources belong.

use crate::model::{Malformed, labels};
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// The name of a team, such as `payments`. Names are compared exactly and are case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(Box<str>);

text_schema!(
    Owner,
    "The name of a team. It is compared exactly.",
    pattern(Some("^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")),
    examples(["payments"]),
);

impl Owner {
    /// The maximum length of a name, in bytes.
    pub const MAX_LENGTH: usize = labels::MAX_NAME_LENGTH;

    /// Parses a name: ASCII letters, digits, `-`, `_` and `.`, with a letter or a digit at both
    /// ends.
    ///
    /// # Errors
    /// If the text breaks one of these rules or is not 1 to [`Self::MAX_LENGTH`] bytes long.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if !labels::is_word(text) {
            return Err(Malformed::because(format!(
                "an owner is 1 to {} letters (a-z, A-Z), digits, '-', '_' and '.', and begins and ends with a letter or a digit",
                Self::MAX_LENGTH
            )));
        }
        Ok(Self(text.into()))
    }

    /// Reads a stored name, whatever rules applied when it was accepted.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_newtype!(Owner);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_a_short_word() {
        let (longest, too_long) = ("a".repeat(63), "a".repeat(64));
        for text in ["a", "7", "payments", "Team_A", "eu.payments-2", longest.as_str()] {
            assert_eq!(Owner::parse(text).as_ref().map(Owner::as_str), Ok(text));
        }
        for text in ["", " ", "-a", "a-", ".a", "a_", "a b", "a/b", "é", "a\n", too_long.as_str()]
        {
            assert!(Owner::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
