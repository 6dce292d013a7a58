//! The issuer: the URL that identifies the server.

use crate::config::parse;
use crate::model::Malformed;

/// The issuer identifier, exactly as in the `iss` claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(pub(super) String);

impl Issuer {
    /// Parses the value of the setting `issuer`: an https URL, or http for a loopback host.
    ///
    /// # Errors
    /// Says what is wrong with the text and what to write instead.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        parse::issuer(text)
            .map_err(|(problem, remedy)| Malformed::because(format!("{problem}: {remedy}")))
    }

    /// Wraps an issuer from the database. The text is empty until a server has started once.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path of the identifier: empty, or a text that begins with a slash.
    pub fn path(&self) -> &str {
        let after_scheme = self.0.split_once("://").map_or("", |(_, rest)| rest);
        after_scheme.find('/').map_or("", |start| &after_scheme[start..])
    }

    /// Replaces port 0 with `port`. An issuer with any other port is unchanged.
    #[must_use]
    pub fn with_real_port(self, port: u16) -> Self {
        let path = self.path().to_owned();
        match self.0.strip_suffix(&path).and_then(|origin| origin.strip_suffix(":0")) {
            Some(host) => Self(format!("{host}:{port}{path}")),
            None => self,
        }
    }

    /// True if the issuer is an https URL.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}
