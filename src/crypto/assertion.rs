//! JWTs that others sign: assertions of clients and tokens of trusted issuers (RFC 7523).

pub use jsonwebtoken::Algorithm;
use serde_json::Value;

use crate::crypto::foreign_key::ForeignKeys;
use crate::crypto::jws::Jws;

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
    /// There is white space in it, which is no part of a JWT.
    #[error("it has a line break or a space in it")]
    WhiteSpace,
    /// It is no compact JWS with a readable header and an object of claims.
    #[error("it is no JWT")]
    Unreadable,
    /// It is too long.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// It demands an extension (RFC 7515, section 4.1.11).
    #[error("its header demands an extension (crit)")]
    Critical,
    /// It is signed with something that is not taken.
    #[error("its alg '{0}' is not taken here: ES256, RS256, PS256 or EdDSA")]
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
pub struct Assertion<'a>(Jws<'a>);

impl<'a> Assertion<'a> {
    /// Reads a JWT. Keys that its header names or brings along (`jku`, `x5u`, `jwk`, `x5c`) are
    /// never looked at (RFC 8725, section 3.10).
    pub fn read(text: &'a str) -> Result<Self, AssertionError> {
        if text.len() > LONGEST {
            return Err(AssertionError::TooLong);
        }
        if text.contains(char::is_whitespace) {
            return Err(AssertionError::WhiteSpace);
        }
        let jws = Jws::read(text).ok_or(AssertionError::Unreadable)?;
        if !jws.header["crit"].is_null() {
            return Err(AssertionError::Critical);
        }
        let is_text_or_absent = |member: &str| {
            let value = &jws.header[member];
            value.is_null() || value.is_string()
        };
        if !["typ", "kid"].into_iter().all(is_text_or_absent) {
            return Err(AssertionError::Unreadable);
        }
        Ok(Self(jws))
    }

    /// What it claims. Nothing of it is true before [`Assertion::verify`].
    pub fn claims(&self) -> &Value {
        &self.0.claims
    }

    /// A claim that is a string.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.0.claims[claim].as_str()
    }

    /// Its type in small letters, without the prefix that may be left out (RFC 7515, 4.1.9).
    pub fn typ(&self) -> Option<String> {
        let typ = self.0.header["typ"].as_str()?.to_ascii_lowercase();
        Some(typ.strip_prefix("application/").unwrap_or(&typ).to_owned())
    }

    /// Checks the signature with the key that the header names, or with each one that could be it.
    /// The algorithm must be one of the key's own and one of `allowed` (RFC 8725, section 3.1).
    pub fn verify(&self, keys: &ForeignKeys, allowed: &[Algorithm]) -> Result<(), AssertionError> {
        let algorithm = self.0.algorithm().filter(|algorithm| allowed.contains(algorithm));
        let algorithm = algorithm.ok_or_else(|| AssertionError::Algorithm(self.name("alg")))?;
        let kid = self.0.header["kid"].as_str();
        // A key without an id may be the one that is meant.
        let is_named = |known: Option<&str>| kid.is_none() || known.is_none() || known == kid;
        let mut named = keys.iter().filter(|key| is_named(key.kid.as_deref())).peekable();
        if kid.is_some() && named.peek().is_none() {
            return Err(AssertionError::UnknownKey(self.name("kid")));
        }
        let mut tried = named.filter(|key| key.algorithms.contains(&algorithm)).take(MOST_TRIED);
        let mut was_tried = false;
        let is_right = tried.any(|key| {
            was_tried = true;
            self.0.is_signed_by(&key.decoding, algorithm)
        });
        match (is_right, was_tried) {
            (true, _) => Ok(()),
            (false, true) => Err(AssertionError::WrongSignature),
            (false, false) => Err(AssertionError::NoKey(self.name("alg"))),
        }
    }

    /// A member of the header, short enough for the log.
    fn name(&self, member: &str) -> String {
        self.0.header[member].as_str().unwrap_or_default().chars().take(80).collect()
    }
}
