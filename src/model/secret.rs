//! Client secrets as they are stored: only a hash or a digest, never the secret itself.

use std::fmt;

use serde::Serialize;

use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::secret_digest::SecretDigest;
use crate::model::secret_status::SecretStatus;
use crate::model::time::{Lifetime, Timestamp};
use crate::model::usage::Usage;
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// The identifier of a secret: `sec_` and random letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(Box<str>);

text_schema!(
    SecretId,
    "The identifier of a secret; not the secret.",
    pattern(Some("^sec_[A-Za-z0-9]{1,40}$")),
    examples(["sec_4nbfJZ1C0eGJ3Yc2"]),
);

impl SecretId {
    /// Takes a generated or stored identifier.
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

text_newtype!(SecretId);

/// Where a secret comes from, which decides how an attempt on it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// Made here: carries a tag, so that a forged one is rejected without a hash.
    #[serde(rename = "minted")]
    Generated,
    /// Taken over from another system: any printable ASCII, possibly guessable.
    Imported,
    /// Generated offline and registered by its digest: this server has never seen the secret.
    Digest,
}

impl SecretKind {
    /// Reads the word in which the kind is stored. It says nothing of [`Self::Digest`], which the
    /// digest itself says: earlier versions know two kinds.
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
            Self::Generated | Self::Digest => "minted",
            Self::Imported => "imported",
        }
    }
}

/// The stored hash of a secret: an argon2id hash in the PHC string format, or the digest of a
/// secret that was generated offline. It is not a secret, and it is not printed: `Debug` and JSON
/// leave it out.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(Proof);

#[derive(Clone, PartialEq, Eq)]
enum Proof {
    Phc(Box<str>),
    Digest(Box<SecretDigest>),
}

impl SecretHash {
    /// Wraps a PHC string that has been checked or made by `crypto::secret`.
    pub fn from_phc(text: &str) -> Self {
        Self(Proof::Phc(text.into()))
    }

    /// Wraps the digest of a secret.
    pub fn from_digest(digest: SecretDigest) -> Self {
        Self(Proof::Digest(Box::new(digest)))
    }

    /// The PHC string; empty for a digest.
    pub fn as_phc(&self) -> &str {
        match &self.0 {
            Proof::Phc(text) => text,
            Proof::Digest(_) => "",
        }
    }

    /// The digest; `None` for a PHC string.
    pub fn digest(&self) -> Option<&SecretDigest> {
        match &self.0 {
            Proof::Phc(_) => None,
            Proof::Digest(digest) => Some(digest),
        }
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
    /// The stored hash.
    #[serde(skip)]
    pub hash: SecretHash,
    /// Its last characters, by which people distinguish secrets; empty for short imported ones.
    pub suffix: String,
    /// What people call it; may be empty.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// The secret that a rotation replaced it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<SecretId>,
    /// How long it must be unused to end before `expires_at`, once the other one was used.
    #[serde(rename = "unused_window_seconds", skip_serializing_if = "Option::is_none")]
    pub unused_window: Option<Lifetime>,
    /// When the event was written that says that it expires soon.
    #[serde(skip)]
    pub warned_at: Option<Timestamp>,
    /// When it was first reported as leaked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaked_at: Option<Timestamp>,
    /// Its use, as far as the usage statistics have been written; none if it was never used.
    pub usage: Option<Usage>,
    /// What an operator should know of it; none until [`Registration::assess`] says it.
    ///
    /// [`Registration::assess`]: crate::model::client::Registration::assess
    #[serde(flatten)]
    pub status: Option<SecretStatus>,
}

/// A stored secret and its client: what is needed to tell whose secret a text is.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// The client.
    pub client_id: ClientId,
    /// The identifier of the secret.
    pub secret_id: SecretId,
    /// The stored hash.
    pub hash: SecretHash,
    /// Its last characters.
    pub suffix: String,
    /// The time at which the secret ends, if it has an end.
    pub expires_at: Option<Timestamp>,
}

impl SecretRecord {
    /// A secret that nothing has happened to yet.
    pub fn new(secret_id: SecretId, kind: SecretKind, hash: SecretHash, now: Timestamp) -> Self {
        Self {
            secret_id,
            kind,
            hash,
            suffix: String::new(),
            label: String::new(),
            created_at: now,
            expires_at: None,
            replaced_by: None,
            unused_window: None,
            warned_at: None,
            leaked_at: None,
            usage: None,
            status: None,
        }
    }

    /// True as long as the secret is valid.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now.is_before(self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There may be a million in memory, most of them not of a digest.
    #[test]
    fn a_stored_proof_is_not_larger_than_a_text() {
        assert_eq!(size_of::<SecretHash>(), size_of::<Box<str>>());
    }

    #[test]
    fn a_stored_proof_is_not_printed() {
        let digest = SecretDigest::new([7; SecretDigest::LENGTH]);
        let hash = SecretHash::from_digest(digest);
        assert_eq!((hash.as_phc(), hash.digest()), ("", Some(&digest)));
        assert_eq!(SecretHash::from_phc("$x").digest(), None);
        assert!(!format!("{hash:?}").contains('7'));
    }
}
