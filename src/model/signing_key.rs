//! Signing keys as they are kept and published (RFC 7517).

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::model::time::Timestamp;
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// A signature algorithm of this server (RFC 7518, section 3.1; RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: the default.
    Es256,
    /// RSA PKCS #1 v1.5 with SHA-256, for verifiers that know nothing else.
    Rs256,
    /// RSA PSS with SHA-256.
    Ps256,
    /// Ed25519, under its older name that verifiers know (C-192).
    EdDsa,
}

text_schema!(Algorithm, "A signature algorithm.", enum_values(Some(Self::ALL.map(Self::as_str))),);

impl Algorithm {
    /// Every algorithm that can sign.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa];

    /// Reads the registered name of an algorithm.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| Malformed::because("an algorithm is ES256, RS256, PS256 or EdDSA"))
    }

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// The size of new RSA keys (RFC 7518, section 3.3: 2048 bits at least).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RsaSize {
    /// 2048 bits: the default.
    Bits2048,
    /// 3072 bits, for those whose rules want 128 bits of strength.
    Bits3072,
}

impl RsaSize {
    /// Reads the number of bits.
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

/// The identifier of a key: its thumbprint (RFC 7638), the same on every instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Box<str>);

text_schema!(
    KeyId,
    "The identifier of a signing key: its thumbprint (RFC 7638).",
    pattern(Some("^[A-Za-z0-9_-]{1,64}$")),
    examples(["NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"]),
);

impl KeyId {
    /// Takes a thumbprint: base64url text.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.is_empty() || text.len() > 64 || !text.bytes().all(is_base64url) {
            return Err(Malformed::because("a key id is a base64url thumbprint"));
        }
        Ok(Self(text.into()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_newtype!(KeyId);

/// Ciphertext of something that only a master key opens.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub String);

impl fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealed(…)")
    }
}

/// A signing key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// Its thumbprint.
    pub kid: KeyId,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The private key (PKCS #8), sealed; `None` if its master key was lost. Such a key verifies
    /// and never signs again.
    pub sealed: Option<Sealed>,
    /// The public key as it is published (a JWK); `None` until a server has stored it.
    pub public_jwk: Option<String>,
    /// When it was made, which is when it is published.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
    /// Since when it no longer signs: no instance needs its algorithm, or an operator retired it.
    pub retired_at: Option<Timestamp>,
    /// When an operator revoked it.
    pub revoked_at: Option<Timestamp>,
    /// When its first signature was postponed for verifiers that did not know it yet.
    pub postponed_at: Option<Timestamp>,
}

impl SigningKeyRecord {
    /// True if it was retired or revoked.
    pub fn is_ended(&self) -> bool {
        self.retired_at.is_some() || self.revoked_at.is_some()
    }
}
