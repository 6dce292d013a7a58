//! Facts of clients and resources: for people and policies, never for tokens.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::model::labels::Labels;
use crate::model::owner::Owner;
use crate::text::schema::text_schema;

// The directory holds only the owner of a resource, and of a client that has static claims (D18).
/// Facts about a client or a resource, for people and policies. Tokens do not contain them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Facts {
    /// The team that it belongs to.
    #[schema(required = true)]
    pub owner: Option<Owner>,
    /// What it is for.
    #[schema(required = true)]
    pub description: Option<Description>,
    /// How to reach the team.
    #[schema(required = true)]
    pub contact: Option<Contact>,
    /// Keys with values, for selection.
    pub labels: Labels,
}

/// The purpose of a client or a resource, as described by its team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description(String);

text_schema!(
    Description,
    "What an object is for, without control characters.",
    min_length(Some(1)),
    max_length(Some(Self::MAX_LENGTH)),
    examples(["Invoices of the web shop"]),
);

/// A contact of a team: an email address, a chat channel or a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contact(String);

text_schema!(
    Contact,
    "How to reach a team, without control characters.",
    min_length(Some(1)),
    max_length(Some(Self::MAX_LENGTH)),
    examples(["payments@example.com"]),
);

impl Description {
    /// The maximum length, in characters.
    pub const MAX_LENGTH: usize = 500;

    /// Parses a description.
    ///
    /// # Errors
    /// If it is blank, longer than [`Self::MAX_LENGTH`], or contains a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        check("a description", text, Self::MAX_LENGTH)?;
        Ok(Self(text.to_owned()))
    }

    /// Reads a stored description, whatever rules applied when it was accepted.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the description as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Contact {
    /// The maximum length, in characters.
    pub const MAX_LENGTH: usize = 200;

    /// Parses a contact.
    ///
    /// # Errors
    /// If it is blank, longer than [`Self::MAX_LENGTH`], or contains a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        check("a contact", text, Self::MAX_LENGTH)?;
        Ok(Self(text.to_owned()))
    }

    /// Reads a stored contact, whatever rules applied when it was accepted.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the contact as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(what: &str, text: &str, max: usize) -> Result<(), Malformed> {
    let has_control = text.chars().any(char::is_control);
    if text.trim().is_empty() || text.chars().count() > max || has_control {
        return Err(Malformed::because(format!(
            "{what} is 1 to {max} characters long, more than spaces, and has no control characters"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_and_printable() {
        let longest = "ä".repeat(Description::MAX_LENGTH);
        assert!(Description::parse(&longest).is_ok());
        assert!(Description::parse(&format!("{longest}a")).is_err());
        assert!(Contact::parse(&"ä".repeat(Contact::MAX_LENGTH)).is_ok());
        assert!(Contact::parse(&"ä".repeat(Contact::MAX_LENGTH + 1)).is_err());
        assert!(Contact::parse("payments@example.com, #payments").is_ok());
        for text in ["", "  ", "two\nlines", "a\u{1b}[31m", "a\u{7f}", "a\u{85}"] {
            assert!(Description::parse(text).is_err(), "{text:?} was accepted");
            assert!(Contact::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
