//! Scopes: the permissions of a token (RFC 6749, section 3.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// One scope, such as `orders:read`: printable ASCII without space, quote and backslash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeName(Box<str>);

text_schema!(
    ScopeName,
    "A scope: printable ASCII without space, double quote and backslash.",
    pattern(Some(r"^[!#-\[\]-~]+$")),
    examples(["orders:read"]),
);

impl ScopeName {
    /// The maximum length of a scope, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Parses one scope according to `scope-token` of RFC 6749, section 3.3.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() {
            return Err(Malformed::because("a scope must not be empty"));
        }
        if text.len() > Self::MAX_BYTES {
            return Err(Malformed::because(format!(
                "a scope is at most {} characters long",
                Self::MAX_BYTES
            )));
        }
        if !text.bytes().all(is_scope_byte) {
            return Err(Malformed::because(
                "a scope is printable ASCII without space, double quote and backslash",
            ));
        }
        Ok(Self(text.into()))
    }

    /// Reads a stored scope, whatever rules applied when it was accepted.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the scope as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_newtype!(ScopeName);

/// A set of scopes; order and repetition have no meaning (RFC 6749, section 3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = Vec<ScopeName>, description = "Scopes, each once.")]
pub struct Scopes(BTreeSet<ScopeName>);

impl Scopes {
    /// The maximum number of scopes in one value.
    pub const MAX_COUNT: usize = 128;

    /// Parses the space-separated form of RFC 6749, section 3.3, with at least one scope.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut scopes = BTreeSet::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            scopes.insert(ScopeName::parse(word)?);
            if scopes.len() > Self::MAX_COUNT {
                return Err(Malformed::because(format!("at most {} scopes", Self::MAX_COUNT)));
            }
        }
        if scopes.is_empty() {
            return Err(Malformed::because("no scope is named"));
        }
        Ok(Self(scopes))
    }

    /// Reads a stored set, which may be empty or have any number of scopes. They are not validated.
    pub fn stored(text: &str) -> Self {
        text.split_whitespace().map(ScopeName::stored).collect()
    }

    /// True if the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if `name` is in the set.
    pub fn contains(&self, name: &ScopeName) -> bool {
        self.0.contains(name)
    }

    /// Returns the scopes in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &ScopeName> {
        self.0.iter()
    }

    /// Returns the scopes that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Returns the scopes that are in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Returns the scopes of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// Returns the number of scopes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the first scope of this set that is not in `other`.
    pub fn first_outside<'a>(&'a self, other: &Self) -> Option<&'a ScopeName> {
        self.0.iter().find(|name| !other.contains(name))
    }
}

impl FromIterator<ScopeName> for Scopes {
    fn from_iter<I: IntoIterator<Item = ScopeName>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

/// Formats the space-separated form of RFC 6749, section 3.3.
impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, name) in self.0.iter().enumerate() {
            if position > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(name.as_str())?;
        }
        Ok(())
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

/// True for `%x21 / %x23-5B / %x5D-7E`, the bytes of a scope (RFC 6749, section 3.3).
fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6749, section 3.3 (C-19).
    #[test]
    fn order_and_repetition_have_no_meaning() {
        assert_eq!(Scopes::parse("b a  b"), Scopes::parse("a b"));
        assert_ne!(Scopes::parse("A"), Scopes::parse("a"));
    }

    #[test]
    fn characters_outside_the_grammar_are_rejected() {
        for text in ["a\"b", "a\\b", "a\tb", "é", "a\u{7f}", "", "   "] {
            assert!(Scopes::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn scopes_from_any_text_round_trip_or_are_rejected(text in ".{0,300}") {
            if let Ok(scopes) = Scopes::parse(&text) {
                prop_assert_eq!(Scopes::parse(&scopes.to_string()), Ok(scopes));
            }
        }
    }
}
