//! DPoP proofs: a small JWT by which a client proves possession of a key (RFC 9449).

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use serde_json::Value;
use url::Url;

use crate::crypto::digest;
use crate::jose::assertion::CLIENT_ASSERTION_ALGS;
use crate::jose::external_jwks::{self, PRIVATE};
use crate::jose::jws::Jws;
use crate::jose::numeric_date::CLOCK_SKEW_SECONDS;
use crate::jose::{numeric_date, public_key};
use crate::model::time::Timestamp;

/// The maximum length of a proof, in bytes.
const MAX_PROOF_BYTES: usize = 8 << 10;

/// The maximum length of `jti`, in bytes. Only its hash is stored.
const MAX_JTI_BYTES: usize = 256;

/// The validity of a proof, in seconds.
pub const PROOF_TTL_SECONDS: i64 = 60;

/// The request for which a proof must have been made.
#[derive(Debug)]
pub struct Expected<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The URLs of the endpoint. The proof must name one of them.
    pub uris: &'a [String],
}

/// A proof that has passed checks 2 to 9 of RFC 9449, section 4.3.
#[derive(Debug)]
pub struct Proof {
    /// The thumbprint of the key (RFC 7638).
    pub thumbprint: String,
    /// A hash over the key and `jti`, which identifies the proof.
    pub replay_key: String,
    /// The nonce of the proof, if it has one.
    pub nonce: Option<String>,
    /// The hash of the access token for which the proof was made (RFC 9449, section 4.2).
    ath: Option<String>,
    issued_at: Timestamp,
}

/// Why a proof is invalid, with a variant for each check of RFC 9449, section 4.3.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Check 1.
    #[error("there is more than one DPoP header")]
    Several,
    /// Check 2.
    #[error("it is not one well-formed JWT")]
    Malformed,
    /// Check 3.
    #[error("it lacks {0}, or that is not of the right kind")]
    Lacks(&'static str),
    /// Check 4.
    #[error("its typ is not dpop+jwt")]
    Type,
    /// Check 5.
    #[error("its alg is not ES256, RS256, PS256 or EdDSA")]
    Algorithm,
    /// Check 6.
    #[error("its signature does not match the jwk in its header")]
    Signature,
    /// Check 7.
    #[error("the jwk in its header has a private part: that key is no longer a secret")]
    PrivateKey,
    /// Check 8.
    #[error("its htm is not {0}")]
    Method(String),
    /// Check 9.
    #[error("its htu is not {0}")]
    Uri(String),
    /// Check 11.
    #[error("its iat is {0} s away from the server's clock: make a new one for each request")]
    Time(i64),
}

impl Proof {
    /// Runs checks 2 to 9 of RFC 9449, section 4.3, in this order. The caller checks the nonce (10)
    /// with the nonce issuer and the time (11) with [`Proof::check_time`].
    pub fn check(text: &str, expected: &Expected<'_>) -> Result<Self, ProofError> {
        let jws = Some(text).filter(|text| text.len() <= MAX_PROOF_BYTES).and_then(Jws::read);
        let jws = jws.ok_or(ProofError::Malformed)?;
        let (header, claims) = (&jws.header, &jws.claims);
        let (jwk, jti, issued_at) = required(header, claims)?;
        if !header["typ"].as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")) {
            return Err(ProofError::Type);
        }
        let algorithm =
            jws.algorithm().filter(|algorithm| CLIENT_ASSERTION_ALGS.contains(algorithm));
        let algorithm = algorithm.ok_or(ProofError::Algorithm)?;
        let key = external_jwks::read(jwk.clone()).ok_or(ProofError::Lacks("a usable jwk"))?;
        // The proof contains its key. The token binds the key to a client.
        let decoding =
            DecodingKey::from_jwk(&key).map_err(|_| ProofError::Lacks("a usable jwk"))?;
        if !jws.is_signed_by(&decoding, algorithm) {
            return Err(ProofError::Signature);
        }
        if !is_sound(&key) {
            return Err(ProofError::Lacks("a usable jwk"));
        }
        if PRIVATE.iter().any(|member| !jwk[*member].is_null()) {
            return Err(ProofError::PrivateKey);
        }
        if claims["htm"] != expected.method {
            return Err(ProofError::Method(expected.method.to_owned()));
        }
        check_uri(claims, expected)?;
        let thumbprint = key
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| ProofError::Lacks("a usable jwk"))?;
        let replay_key = digest::compute(&[&thumbprint, jti]);
        let nonce = claims["nonce"].as_str().map(str::to_owned);
        let ath = claims["ath"].as_str().map(str::to_owned);
        Ok(Self { thumbprint, replay_key, nonce, ath, issued_at })
    }

    /// Check 12, first half: the proof was made for this access token.
    pub fn is_for_token(&self, token: &str) -> bool {
        self.ath.as_deref() == Some(&digest::of_bytes(token.as_bytes()))
    }

    /// Check 11: the proof is recent.
    pub fn check_time(&self, now: Timestamp) -> Result<(), ProofError> {
        let age = now.seconds_since(self.issued_at);
        if (-CLOCK_SKEW_SECONDS..=PROOF_TTL_SECONDS).contains(&age) {
            Ok(())
        } else {
            Err(ProofError::Time(age))
        }
    }
}

/// True for a key that passes the checks of registered keys and has its canonical form. A second
/// encoding of the same key would have another thumbprint, which no API could match.
fn is_sound(key: &Jwk) -> bool {
    public_key::check_numbers(&key.algorithm).is_ok()
        && public_key::check_point(&key.algorithm).is_ok()
        && public_key::has_minimal_numbers(&key.algorithm)
}

/// Check 3 (RFC 9449, section 4.2).
fn required<'a>(
    header: &'a Value,
    claims: &'a Value,
) -> Result<(&'a Value, &'a str, Timestamp), ProofError> {
    for member in ["typ", "alg"] {
        if !header[member].is_string() {
            return Err(ProofError::Lacks(member));
        }
    }
    let jwk = Some(&header["jwk"]).filter(|jwk| jwk.is_object());
    let jti = claims["jti"].as_str().filter(|jti| (1..=MAX_JTI_BYTES).contains(&jti.len()));
    for claim in ["htm", "htu"] {
        if !claims[claim].is_string() {
            return Err(ProofError::Lacks(claim));
        }
    }
    let issued_at = numeric_date::read(&claims["iat"]);
    if !header["crit"].is_null() {
        return Err(ProofError::Malformed);
    }
    Ok((
        jwk.ok_or(ProofError::Lacks("jwk"))?,
        jti.ok_or(ProofError::Lacks("jti"))?,
        issued_at.ok_or(ProofError::Lacks("iat"))?,
    ))
}

/// Check 9: compares the URL without query and fragment, normalized (RFC 3986, sections 6.2.2 and
/// 6.2.3).
fn check_uri(claims: &Value, expected: &Expected<'_>) -> Result<(), ProofError> {
    let normal = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    // The URL parser drops control characters and white space, and reads \ as /. A proof must not
    // have these.
    let text = claims["htu"].as_str().filter(|text| text.bytes().all(is_of_a_uri));
    let presented = text.and_then(normal);
    let is_one = presented
        .is_some_and(|url| expected.uris.iter().any(|uri| normal(uri).as_ref() == Some(&url)));
    if is_one {
        return Ok(());
    }
    Err(ProofError::Uri(expected.uris.first().cloned().unwrap_or_default()))
}

/// True for the characters of a URI (RFC 3986, section 2).
fn is_of_a_uri(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}
