//! Signing keys as they are kept and published (RFC 7517), and the rule by which time alone
//! decides what a key is for.

use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::model::text_schema::text_schema;
use crate::model::time::Timestamp;

/// A signature algorithm that we sign with (RFC 7518, section 3.1; RFC 8037).
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
    /// Every algorithm we can sign with.
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

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Ciphertext of something that only a master key opens.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub String);

impl fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealed(…)")
    }
}

/// A signing key as it is stored.
#[derive(Debug, Clone)]
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
    /// Since when it no longer signs, because no instance needs its algorithm.
    pub retired_at: Option<Timestamp>,
}

impl SigningKeyRecord {
    /// True if this key may sign at `now`, unless a younger one of its algorithm does.
    pub fn may_sign(&self, now: Timestamp) -> bool {
        self.sealed.is_some() && self.signs_from <= now && now.is_before(self.retired_at)
    }
}

/// What a key is for at a time. It follows from times alone, so that all instances agree
/// without a leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// In the key set, not signing yet, so that verifiers know it in time.
    Published,
    /// Signs new tokens.
    Signing,
    /// In the key set until the last token it signed has expired.
    Verifying,
    /// No longer in the key set.
    Gone,
}

impl KeyState {
    /// The word that people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Signing => "signing",
            Self::Verifying => "verifying",
            Self::Gone => "gone",
        }
    }
}

/// The state of `key` at `now` among `keys`, its own record included. A key signs until a younger
/// key of its algorithm takes over or no instance needs its algorithm, and verifies for
/// `keep_seconds` after that. One that is retired before it signs is gone at once.
pub fn state_of(
    key: &SigningKeyRecord,
    keys: &[SigningKeyRecord],
    now: Timestamp,
    keep_seconds: i64,
) -> KeyState {
    let order = |key: &SigningKeyRecord| (key.signs_from, key.created_at, key.kid.clone());
    if key.retired_at.is_some_and(|retired_at| retired_at < key.signs_from) {
        return KeyState::Gone;
    }
    if now < key.signs_from {
        return KeyState::Published;
    }
    let replaced_at = keys
        .iter()
        // A key that was lost never signs, so it does not take over from one that does.
        .filter(|other| other.sealed.is_some() || key.sealed.is_none())
        .filter(|other| other.algorithm == key.algorithm && order(other) > order(key))
        .map(|other| other.signs_from)
        .chain(key.retired_at)
        .min();
    match replaced_at {
        Some(replaced_at) if now >= replaced_at => {
            if now.minus_seconds(keep_seconds) < replaced_at {
                KeyState::Verifying
            } else {
                KeyState::Gone
            }
        }
        _ => KeyState::Signing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str, algorithm: Algorithm, signs_from: i64) -> SigningKeyRecord {
        SigningKeyRecord {
            kid: KeyId::parse(kid).expect("a key id"),
            algorithm,
            sealed: Some(Sealed(String::new())),
            public_jwk: None,
            created_at: Timestamp(signs_from - 10),
            signs_from: Timestamp(signs_from),
            retired_at: None,
        }
    }

    #[test]
    fn a_retired_key_fades_and_one_that_never_signed_is_gone_at_once() {
        let retired = |signs_from, retired_at| SigningKeyRecord {
            retired_at: Some(Timestamp(retired_at)),
            ..key("a", Algorithm::Es256, signs_from)
        };
        let state = |key: &SigningKeyRecord, now| {
            state_of(key, std::slice::from_ref(key), Timestamp(now), 50)
        };
        let states = [150, 200, 249, 250].map(|now| state(&retired(100, 200), now));
        let fading = [KeyState::Signing, KeyState::Verifying, KeyState::Verifying, KeyState::Gone];
        assert_eq!(states, fading);
        assert_eq!(state(&retired(300, 200), 250), KeyState::Gone);
    }

    /// DESIGN D7: published, signing, verifying, gone, by time alone.
    #[test]
    fn a_key_hands_over_to_the_next_one_and_then_fades() {
        let keys = [key("a", Algorithm::Es256, 100), key("b", Algorithm::Es256, 200)];
        let states = |now| keys.each_ref().map(|k| state_of(k, &keys, Timestamp(now), 50));
        assert_eq!(states(99), [KeyState::Published, KeyState::Published]);
        assert_eq!(states(150), [KeyState::Signing, KeyState::Published]);
        assert_eq!(states(200), [KeyState::Verifying, KeyState::Signing]);
        assert_eq!(states(249), [KeyState::Verifying, KeyState::Signing]);
        assert_eq!(states(250), [KeyState::Gone, KeyState::Signing]);
    }

    #[test]
    fn without_a_successor_a_key_signs_for_ever_and_other_types_do_not_replace_it() {
        let keys = [key("a", Algorithm::Es256, 100), key("r", Algorithm::Rs256, 200)];
        assert_eq!(state_of(&keys[0], &keys, Timestamp(1_000_000), 50), KeyState::Signing);
    }
}
