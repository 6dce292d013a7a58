//! Signing keys as stored and published (RFC 7517).

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::model::time::Timestamp;
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// A signature algorithm that this server supports (RFC 7518, section 3.1; RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: the default.
    Es256,
    /// RSA PKCS #1 v1.5 with SHA-256, for verifiers that support nothing else.
    Rs256,
    /// RSA PSS with SHA-256.
    Ps256,
    /// Ed25519, under the older name that verifiers know (C-192).
    EdDsa,
}

text_schema!(Algorithm, "A signature algorithm.", enum_values(Some(Self::ALL.map(Self::as_str))),);

impl Algorithm {
    /// All supported algorithms.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa];

    /// Parses the registered name of an algorithm.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| Malformed::because("an algorithm is ES256, RS256, PS256 or EdDSA"))
    }

    /// Returns the registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// The size of new RSA keys. RFC 7518, section 3.3 requires at least 2048 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RsaSize {
    /// 2048 bits: the default.
    Bits2048,
    /// 3072 bits, for organizations that require a security strength of 128 bits.
    Bits3072,
}

impl RsaSize {
    /// Parses the number of bits.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match text {
            "2048" => Ok(Self::Bits2048),
            "3072" => Ok(Self::Bits3072),
            _ => Err(Malformed::because("must be 2048 or 3072")),
        }
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The identifier of a key: its thumbprint (RFC 7638), which is the same on every instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Box<str>);

text_schema!(
    KeyId,
    "The identifier of a signing key: its thumbprint (RFC 7638).",
    pattern(Some("^[A-Za-z0-9_-]{1,64}$")),
    examples(["NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"]),
);

impl KeyId {
    /// Parses a thumbprint: base64url text.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.is_empty() || text.len() > 64 || !text.bytes().all(is_base64url) {
            return Err(Malformed::because("a key id is a base64url thumbprint"));
        }
        Ok(Self(text.into()))
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_newtype!(KeyId);

/// Ciphertext that only a master key can open.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub String);

impl fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealed(…)")
    }
}

/// A stored signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// The thumbprint of the key.
    pub kid: KeyId,
    /// The signature algorithm.
    pub algorithm: Algorithm,
    /// The sealed private key (PKCS #8). `None` if its master key was lost: such a key only
    /// verifies and never signs again.
    pub sealed: Option<Sealed>,
    /// The published public key (a JWK); `None` until a server has stored it.
    pub public_jwk: Option<String>,
    /// The time of creation, which is also the time of publication.
    pub created_at: Timestamp,
    /// The time at which the key starts to sign.
    pub signs_from: Timestamp,
    /// The time at which the key was retired: no instance needs its algorithm, or an operator
    /// retired it.
    pub retired_at: Option<Timestamp>,
    /// The time at which an operator revoked the key.
    pub revoked_at: Option<Timestamp>,
    /// The time at which its start was postponed for verifiers that did not know the key yet.
    pub postponed_at: Option<Timestamp>,
}

impl SigningKeyRecord {
    /// True if the key was retired or revoked.
    pub fn is_ended(&self) -> bool {
        self.retired_at.is_some() || self.revoked_at.is_some()
    }
}
