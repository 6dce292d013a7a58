//! Owners: the teams that clients and resources belong to.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Malformed;

/// The name of a team, such as `payments`. It is compared exactly, upper and lower case included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(Box<str>);

impl Owner {
    /// The maximum length of a name, in bytes.
    pub const MAX_LENGTH: usize = 63;

    /// Reads a name: ASCII letters, digits, `-`, `_` and `.`, with a letter or a digit at both ends.
    ///
    /// # Errors
    /// If the text breaks one of these rules, or has not 1 to [`Self::MAX_LENGTH`] bytes.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let is_inner =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let bytes = text.as_bytes();
        let is_name = bytes.len() <= Self::MAX_LENGTH
            && is_end(bytes.first())
            && is_end(bytes.last())
            && bytes.iter().all(is_inner);
        if !is_name {
            return Err(Malformed::because(format!(
                "an owner is 1 to {} letters (a-z, A-Z), digits, '-', '_' and '.', and begins and ends with a letter or a digit",
                Self::MAX_LENGTH
            )));
        }
        Ok(Self(text.into()))
    }

    /// Reads a name that is stored already, by whatever rule it was accepted.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Owner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

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
