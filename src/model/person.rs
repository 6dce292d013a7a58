//! Persons who sign in at a company's identity provider.

use std::fmt;

use crate::model::Malformed;
use crate::model::trust::ExternalIssuer;

/// A person who signed in with OpenID Connect, identified by issuer and subject (OpenID Connect
/// Core, section 5.7). An email address or a name does not identify a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    /// The identity provider.
    pub issuer: ExternalIssuer,
    /// The identifier of the person at the provider.
    pub subject: PersonSubject,
}

impl Person {
    /// The maximum number of stored groups of a person.
    pub const MAX_GROUPS: usize = 500;

    /// The maximum length of a group name, in bytes.
    pub const MAX_GROUP_BYTES: usize = 512;

    /// Returns a short display name: the subject and the host of the provider. It is not unique.
    pub fn short_name(&self) -> String {
        let issuer = self.issuer.as_str();
        let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or_default();
        format!("{} at {host}", self.subject.as_str())
    }
}

impl fmt::Display for Person {
    /// Formats the actor name in events. An issuer contains no `#`, so the name is unique.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "oidc:{}#{}", self.issuer, self.subject.as_str())
    }
}

/// The `sub` of a person: at most 255 ASCII characters (OpenID Connect Core, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonSubject(Box<str>);

impl PersonSubject {
    /// Parses 1 to 255 printable ASCII characters.
    ///
    /// # Errors
    /// If the text is blank, longer, or has other characters.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if text.trim().is_empty() || text.len() > 255 || !is_printable {
            return Err(Malformed::because("sub is 1 to 255 printable ASCII characters"));
        }
        Ok(Self(text.into()))
    }

    /// Wraps a stored subject.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_a_name_of_issuer_and_subject() {
        let person = Person {
            issuer: ExternalIssuer::parse("https://login.example.com/").expect("an issuer"),
            subject: PersonSubject::parse("248289761001#1").expect("a subject"),
        };
        assert_eq!(person.to_string(), "oidc:https://login.example.com/#248289761001#1");
        assert_eq!(person.short_name(), "248289761001#1 at login.example.com");
    }

    #[test]
    fn a_subject_is_short_and_printable() {
        for text in ["", " ", "a\n", "\u{e9}", "a\u{202e}b", &"a".repeat(256)] {
            assert!(PersonSubject::parse(text).is_err(), "{text:?}");
        }
        assert!(PersonSubject::parse(&"a".repeat(255)).is_ok());
    }
}
