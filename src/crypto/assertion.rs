//! JWTs that others sign: assertions of clients and tokens of trusted issuers (RFC 7523).

use jsonwebtoken::{Algorithm, Header, Validation};
use serde_json::Value;

use crate::crypto::foreign_key::ForeignKeys;

/// The longest JWT that is looked at, in bytes.
const LONGEST: usize = 16 << 10;

/// The most keys that are tried if the header names none.
const MOST_TRIED: usize = 8;

/// What an assertion of a client may be signed with.
pub const OF_CLIENTS: [Algorithm; 4] =
    [Algorithm::ES256, Algorithm::RS256, Algorithm::PS256, Algorithm::EdDSA];

/// What a token of a trusted issuer may be signed with.
pub const OF_ISSUERS: [Algorithm; 9] = [
    Algorithm::ES256,
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::EdDSA,
    Algorithm::ES384,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// Why a JWT does not count; for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// It is no compact JWS with a readable header, or its `alg` is `none` or unheard of.
    #[error("it is no JWT, or its alg is none that is known")]
    Unreadable,
    /// It is too long.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// It demands an extension (RFC 7515, section 4.1.11).
    #[error("its header demands an extension (crit)")]
    Critical,
    /// It is signed with something that is not taken.
    #[error("its alg {0} is not taken here: ES256, RS256, PS256 or EdDSA")]
    Algorithm(String),
    /// There is no key of that id.
    #[error("no registered key has its kid '{0}'")]
    UnknownKey(String),
    /// There is no key for that algorithm.
    #[error("no registered key is for its alg {0}")]
    NoKey(String),
    /// The signature does not match.
    #[error("its signature does not match")]
    WrongSignature,
}

/// A JWT that has been read and not checked.
pub struct Assertion<'a> {
    text: &'a str,
    header: Header,
    claims: Value,
}

impl<'a> Assertion<'a> {
    /// Reads a JWT. Keys that its header names or brings along (`jku`, `x5u`, `jwk`, `x5c`) are
    /// never looked at (RFC 8725, section 3.10).
    pub fn read(text: &'a str) -> Result<Self, AssertionError> {
        if text.len() > LONGEST {
            return Err(AssertionError::TooLong);
        }
        let header = jsonwebtoken::decode_header(text).map_err(|_| AssertionError::Unreadable)?;
        let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(text)
            .map_err(|_| AssertionError::Unreadable)?
            .claims;
        if header.crit.is_some() {
            return Err(AssertionError::Critical);
        }
        if !claims.is_object() {
            return Err(AssertionError::Unreadable);
        }
        Ok(Self { text, header, claims })
    }

    /// What it claims. Nothing of it is true before [`Assertion::verify`].
    pub fn claims(&self) -> &Value {
        &self.claims
    }

    /// A claim that is a string.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims[claim].as_str()
    }

    /// Its type in small letters, without the prefix that may be left out (RFC 7515, 4.1.9).
    pub fn typ(&self) -> Option<String> {
        let typ = self.header.typ.as_deref()?.to_ascii_lowercase();
        Some(typ.strip_prefix("application/").unwrap_or(&typ).to_owned())
    }

    /// Checks the signature with the key that the header names, or with each one that could be it.
    /// The algorithm must be one of the key's own and one of `allowed` (RFC 8725, section 3.1).
    pub fn verify(&self, keys: &ForeignKeys, allowed: &[Algorithm]) -> Result<(), AssertionError> {
        let algorithm = self.header.alg;
        if !allowed.contains(&algorithm) {
            return Err(AssertionError::Algorithm(format!("{algorithm:?}")));
        }
        let kid = self.header.kid.as_deref();
        // A key without an id may be the one that is meant.
        let is_named = |known: Option<&str>| kid.is_none() || known.is_none() || known == kid;
        let mut named = keys.iter().filter(|key| is_named(key.kid.as_deref())).peekable();
        if let (Some(kid), None) = (kid, named.peek()) {
            return Err(AssertionError::UnknownKey(kid.chars().take(80).collect()));
        }
        let mut tried = named.filter(|key| key.algorithms.contains(&algorithm)).take(MOST_TRIED);
        let mut validation = Validation::new(algorithm);
        // Claims are checked by whoever knows what this is for.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let mut was_tried = false;
        let is_right = tried.any(|key| {
            was_tried = true;
            jsonwebtoken::decode::<Value>(self.text, &key.decoding, &validation).is_ok()
        });
        match (is_right, was_tried) {
            (true, _) => Ok(()),
            (false, true) => Err(AssertionError::WrongSignature),
            (false, false) => Err(AssertionError::NoKey(format!("{algorithm:?}"))),
        }
    }
}
