//! Client secrets as they are kept: never the secret itself, only what proves it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::model::usage::Usage;

/// The identifier of a secret: `sec_` and random letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(Box<str>);

impl SecretId {
    /// Takes an identifier as we make and store it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let body = text.strip_prefix("sec_").unwrap_or_default();
        if body.is_empty() || body.len() > 40 || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Malformed::because("a secret id begins with sec_; client show lists them"));
        }
        Ok(Self(text.into()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for SecretId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Where a secret comes from, which decides how an attempt on it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// Made here: carries a tag, so that a forged one is rejected without a hash.
    #[serde(rename = "minted")]
    Generated,
    /// Taken over from another system: any printable ASCII, possibly guessable.
    Imported,
}

impl SecretKind {
    /// Reads the word in which the kind is stored.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match text {
            "minted" => Ok(Self::Generated),
            "imported" => Ok(Self::Imported),
            _ => Err(Malformed::because("a secret is minted or imported")),
        }
    }

    /// The word in which the kind is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "minted",
            Self::Imported => "imported",
        }
    }
}

/// An argon2id hash in the PHC string format. It is not a secret, and it is not printed:
/// `Debug` and JSON leave it out.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(Box<str>);

impl SecretHash {
    /// Wraps a PHC string that has been checked or made by `crypto::secret`.
    pub fn from_phc(text: &str) -> Self {
        Self(text.into())
    }

    /// The PHC string.
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretHash(…)")
    }
}

/// What is kept of one client secret.
#[derive(Debug, Clone, Serialize)]
pub struct SecretRecord {
    /// Its identifier.
    pub secret_id: SecretId,
    /// Where it comes from.
    pub kind: SecretKind,
    /// The stored proof.
    #[serde(skip)]
    pub hash: SecretHash,
    /// Its last characters, by which people tell secrets apart; empty for short imported ones.
    #[serde(rename = "hint")]
    pub suffix: String,
    /// What people call it; may be empty.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it no longer counts.
    pub expires_at: Option<Timestamp>,
    /// Its use, as far as the usage statistics have been written; none if it was never used.
    pub usage: Option<Usage>,
}

/// A stored secret and its client: what is needed to tell whose secret a text is.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// The client.
    pub client_id: ClientId,
    /// The identifier of the secret.
    pub secret_id: SecretId,
    /// The stored proof.
    pub hash: SecretHash,
    /// The time at which the secret ends, if it has an end.
    pub expires_at: Option<Timestamp>,
}

impl SecretRecord {
    /// True as long as the secret counts.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.is_before(self.expires_at)
    }
}
