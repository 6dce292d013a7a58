//! Sources: places such as a git repository in which clients and resources are declared.

use crate::model::{Malformed, labels};
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// The name of a source, such as `payments` or `git.example.com/payments/clients`. Names are
/// compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceName(Box<str>);

text_schema!(
    SourceName,
    "The name of the source that an object is applied from.",
    pattern(Some(
        "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)*$"
    )),
    max_length(Some(Self::MAX_LENGTH)),
    examples(["git.example.com/payments/clients"]),
);

impl SourceName {
    /// The maximum length of a name, in bytes.
    pub const MAX_LENGTH: usize = 200;

    /// Parses a name: parts of ASCII letters, digits, `-`, `_` and `.`, separated by `/`. Each part
    /// begins and ends with a letter or a digit.
    ///
    /// # Errors
    /// If the text breaks one of these rules or is not 1 to [`Self::MAX_LENGTH`] bytes long.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > Self::MAX_LENGTH || !text.split('/').all(labels::is_word) {
            return Err(Malformed::because(format!(
                "a source is 1 to {} letters (a-z, A-Z), digits, '-', '_', '.' and '/'; each part begins and ends with a letter or a digit",
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

text_newtype!(SourceName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_path_of_words() {
        for text in ["payments", "git.example.com/payments/clients", "a", "A_b-c.d/1"] {
            assert_eq!(SourceName::parse(text).expect(text).as_str(), text);
        }
        let long = "a/".repeat(100) + "a";
        for text in ["", "/", "a/", "/a", "a//b", "a b", "-a", "a\n", "é", &long] {
            assert!(SourceName::parse(text).is_err(), "{text:?}");
        }
    }
}
