//! The issuer: the URL that identifies the server.

use crate::config::parse;
use crate::model::Malformed;

/// The issuer identifier, exactly as it stands in `iss`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(pub(super) String);

impl Issuer {
    /// Reads an issuer as the setting `issuer` has it: https, or http for a loopback host.
    ///
    /// # Errors
    /// What is wrong with the text, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        parse::issuer(text)
            .map_err(|(problem, remedy)| Malformed::because(format!("{problem}: {remedy}")))
    }

    /// An issuer that a server has stored. An empty text stands for none, as long as no server has
    /// started.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the identifier: empty, or a slash and more.
    pub fn path(&self) -> &str {
        let after_scheme = self.0.split_once("://").map_or("", |(_, rest)| rest);
        after_scheme.find('/').map_or("", |start| &after_scheme[start..])
    }

    /// The same issuer with `port` in place of port 0; an issuer with another port stays as it is.
    #[must_use]
    pub fn with_real_port(self, port: u16) -> Self {
        let path = self.path().to_owned();
        match self.0.strip_suffix(&path).and_then(|origin| origin.strip_suffix(":0")) {
            Some(host) => Self(format!("{host}:{port}{path}")),
            None => self,
        }
    }

    /// True if tokens of this issuer travel over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}
