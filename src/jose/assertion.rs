//! JWTs that another party has signed: assertions of clients and tokens of trusted issuers (RFC
//! 7523).

pub use jsonwebtoken::Algorithm;
use serde_json::Value;

use crate::jose::decoy_key;
use crate::jose::external_jwks::ExternalJwks;
use crate::jose::jws::Jws;
use crate::text::escaping;

/// The maximum length of a JWT, in bytes.
const MAX_ASSERTION_BYTES: usize = 16 << 10;

/// The maximum number of keys of one set that are tried for one signature.
const MAX_KEYS_TRIED: usize = 8;

/// The explicit types that a token of an issuer may have. Any other type with a `+`, such as
/// `logout+jwt`, `secevent+jwt` or `dpop+jwt`, means that the token has another purpose (RFC 8725,
/// section 3.11).
const EXPLICIT_TYPES_TAKEN: [&str; 3] =
    ["at+jwt", "client-authentication+jwt", "authorization-grant+jwt"];

/// The signature algorithms for client assertions.
pub const CLIENT_ASSERTION_ALGS: [Algorithm; 4] =
    [Algorithm::ES256, Algorithm::RS256, Algorithm::PS256, Algorithm::EdDSA];

/// The signature algorithms for tokens of trusted issuers.
pub const ISSUER_ALGS: [Algorithm; 9] = [
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

/// The signature algorithms for JWT-SVIDs (JWT-SVID, section 2.1), except ES512: P-521 is not
/// supported.
pub const SVID_ALGS: [Algorithm; 8] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// Why a JWT is invalid, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// The text has white space, which a JWT never has.
    #[error("it has a line break or a space in it")]
    WhiteSpace,
    /// The text is not a compact JWS with a readable header and a JSON object as claims.
    #[error("it is not a JWT")]
    Unreadable,
    /// The text is too long.
    #[error("it is longer than {MAX_ASSERTION_BYTES} bytes")]
    TooLong,
    /// The header requires an extension (RFC 7515, section 4.1.11).
    #[error("its header demands an extension (crit)")]
    Critical,
    /// The algorithm is not accepted from this kind of signer.
    #[error("its alg '{found}' is not accepted; accepted: {}", names(accepted))]
    Algorithm {
        /// The `alg` of the header.
        found: String,
        /// The accepted algorithms.
        accepted: &'static [Algorithm],
    },
    /// No key has this `kid`.
    #[error("no key of the signer has its kid '{0}'")]
    UnknownKey(String),
    /// No key is for this algorithm.
    #[error("no key of the signer is for its alg {0}")]
    NoKey(String),
    /// The signature does not match.
    #[error("its signature does not match")]
    WrongSignature,
    /// More keys could match than the maximum that is tried.
    #[error("its signature matches none of the first {0} keys: send the kid of the key that signs")]
    TooManyKeys(usize),
    /// The `typ` is that of another purpose.
    #[error("its typ '{0}' says that it was made for another purpose (RFC 8725, section 3.11)")]
    OtherPurpose(String),
}

fn names(algorithms: &[Algorithm]) -> String {
    let names: Vec<_> = algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect();
    names.join(", ")
}

/// Number of signatures that were verified for one request. The maximum bounds the work. A failed
/// authentication reaches the same number for a known and an unknown client.
#[derive(Debug)]
pub struct SignatureChecks {
    made: usize,
    max: usize,
}

impl SignatureChecks {
    /// The maximum for one client. A failed client assertion costs exactly this number.
    pub const MAX_OF_ONE_CLIENT: usize = 4;

    /// Allows `max` verifications.
    pub fn new(max: usize) -> Self {
        Self { made: 0, max }
    }

    /// Returns how many signatures have been verified.
    pub fn made(&self) -> usize {
        self.made
    }

    fn take(&mut self) -> bool {
        let is_left = self.made < self.max;
        self.made += usize::from(is_left);
        is_left
    }
}

/// A parsed JWT. Nothing in it has been verified.
pub struct UnverifiedAssertion<'a>(Jws<'a>);

/// A JWT with a verified signature. Only [`UnverifiedAssertion::verify`] creates it.
#[derive(Clone, Copy)]
pub struct VerifiedAssertion<'a>(&'a Jws<'a>);

/// Returns the value of `aud` if it is a string or an array of one string.
pub fn sole_audience(claims: &Value) -> Option<&str> {
    match &claims["aud"] {
        Value::Array(values) if values.len() == 1 => values[0].as_str(),
        other => other.as_str(),
    }
}

#[cfg(test)]
impl<'a> VerifiedAssertion<'a> {
    /// Treats a JWT as verified. For tests of the checks that follow the verification.
    pub fn for_test(assertion: &'a UnverifiedAssertion<'_>) -> Self {
        Self(&assertion.0)
    }
}

impl VerifiedAssertion<'_> {
    /// Returns the claims.
    pub fn claims(&self) -> &Value {
        &self.0.claims
    }

    /// Returns a claim that is a string.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.0.claims[claim].as_str()
    }

    /// Returns the type, like [`UnverifiedAssertion::typ`].
    pub fn typ(&self) -> Option<String> {
        typ(self.0)
    }
}

/// Returns the type in lower case, without the optional prefix (RFC 7515, section 4.1.9).
fn typ(jws: &Jws<'_>) -> Option<String> {
    let typ = jws.header["typ"].as_str()?.to_ascii_lowercase();
    Some(typ.strip_prefix("application/").unwrap_or(&typ).to_owned())
}

impl<'a> UnverifiedAssertion<'a> {
    /// Parses a JWT. Keys that its header names or contains (`jku`, `x5u`, `jwk`, `x5c`) are never
    /// used (RFC 8725, section 3.10).
    pub fn parse(text: &'a str) -> Result<Self, AssertionError> {
        if text.len() > MAX_ASSERTION_BYTES {
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

    /// Returns the claims, which are untrusted input. They serve only to find the keys that verify
    /// the signature, or to explain a rejection.
    pub fn unverified_claims(&self) -> &Value {
        &self.0.claims
    }

    /// Returns a claim that is a string, unverified.
    pub fn unverified_text(&self, claim: &str) -> Option<&str> {
        self.0.claims[claim].as_str()
    }

    /// Returns the type in lower case, without the optional prefix (RFC 7515, section 4.1.9).
    pub fn typ(&self) -> Option<String> {
        typ(&self.0)
    }

    /// Rejects a token of an issuer whose explicit type is that of another purpose.
    pub fn check_purpose(&self) -> Result<(), AssertionError> {
        match self.typ() {
            Some(typ) if typ.contains('+') && !EXPLICIT_TYPES_TAKEN.contains(&typ.as_str()) => {
                Err(AssertionError::OtherPurpose(escaping::escape_start(&typ, 80)))
            }
            _ => Ok(()),
        }
    }

    /// Verifies the signature with the key that the header names, or with each possible key. The
    /// algorithm must be one of the key and one of `allowed` (RFC 8725, section 3.1).
    pub fn verify(
        &self,
        keys: &ExternalJwks,
        allowed: &'static [Algorithm],
        checks: &mut SignatureChecks,
    ) -> Result<VerifiedAssertion<'_>, AssertionError> {
        let algorithm = self.0.algorithm().filter(|algorithm| allowed.contains(algorithm));
        let algorithm = algorithm.ok_or_else(|| AssertionError::Algorithm {
            found: self.name("alg"),
            accepted: allowed,
        })?;
        let kid = self.0.header["kid"].as_str();
        // A key without a `kid` is a possible match for every `kid`.
        let is_named = |known: Option<&str>| kid.is_none() || known.is_none() || known == kid;
        let mut named = keys.iter().filter(|key| is_named(key.kid.as_deref())).peekable();
        if kid.is_some() && named.peek().is_none() {
            return Err(AssertionError::UnknownKey(self.name("kid")));
        }
        let possible = named.filter(|key| key.algorithms.contains(&algorithm));
        let mut tried = 0;
        for key in possible {
            if tried == MAX_KEYS_TRIED || !checks.take() {
                return Err(AssertionError::TooManyKeys(tried));
            }
            tried += 1;
            if self.0.is_signed_by(&key.decoding, algorithm) {
                return Ok(VerifiedAssertion(&self.0));
            }
        }
        match tried {
            0 => Err(AssertionError::NoKey(self.name("alg"))),
            _ => Err(AssertionError::WrongSignature),
        }
    }

    /// Verifies with a decoy key until [`SignatureChecks::MAX_OF_ONE_CLIENT`] signatures have been
    /// verified. The time therefore does not reveal whether a client exists and has keys.
    pub fn verify_nothing(&self, checks: &mut SignatureChecks) {
        let Some(algorithm) = self.0.algorithm() else { return };
        let Some(key) = decoy_key::find(algorithm) else { return };
        while checks.made < SignatureChecks::MAX_OF_ONE_CLIENT {
            checks.made += 1;
            // The result has no meaning, because the key is a decoy.
            let _ = self.0.is_signed_by(key, algorithm);
        }
    }

    /// Returns a member of the header, truncated for the log.
    fn name(&self, member: &str) -> String {
        escaping::escape_start(self.0.header[member].as_str().unwrap_or_default(), 80)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::jose::signer::{Signer, generate};
    use crate::model::signing_key::{self, RsaSize};

    fn jwt(header: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signature = BASE64_URL_SAFE_NO_PAD.encode([7; 64]);
        format!("{}.{}.{signature}", part(header), part(&json!({})))
    }

    /// Generates a set of `count` keys, with or without ids.
    fn keys(algorithm: signing_key::Algorithm, count: usize, kid: Option<&str>) -> ExternalJwks {
        let jwks: Vec<Value> = (0..count)
            .map(|number| {
                let key = generate(algorithm, RsaSize::Bits2048).expect("a key");
                let signer = Signer::new(algorithm, &key).expect("a signer");
                let jwk = signer.public_jwk().expect("a key").1;
                let mut jwk = serde_json::to_value(jwk).expect("JSON");
                jwk["kid"] = kid.map_or(Value::Null, |kid| format!("{kid}{number}").into());
                jwk
            })
            .collect();
        ExternalJwks::registered(&json!({ "keys": jwks }).to_string(), &CLIENT_ASSERTION_ALGS)
            .expect("keys")
    }

    /// S-12: a known client with one key cost 115 us more than an unknown one; with eight keys and
    /// without `kid`, 720 us. Verifications are counted here, because a clock would only measure
    /// the machine.
    #[test]
    fn a_failure_costs_the_same_whatever_keys_a_client_has() {
        let of = signing_key::Algorithm::Es256;
        let sets = [
            ExternalJwks::default(),
            keys(of, 1, None),
            keys(of, 1, Some("k")),
            keys(of, 8, None),
            keys(of, 8, Some("k")),
            keys(signing_key::Algorithm::EdDsa, 2, None),
        ];
        let headers = [
            json!({ "alg": "ES256" }),
            json!({ "alg": "ES256", "kid": "k0" }),
            json!({ "alg": "ES256", "kid": "other" }),
            json!({ "alg": "EdDSA" }),
        ];
        for header in &headers {
            for set in &sets {
                let text = jwt(header);
                let assertion = UnverifiedAssertion::parse(&text).expect("a JWT");
                let mut checks = SignatureChecks::new(SignatureChecks::MAX_OF_ONE_CLIENT);
                assert!(assertion.verify(set, &CLIENT_ASSERTION_ALGS, &mut checks).is_err());
                assertion.verify_nothing(&mut checks);
                assert_eq!(checks.made(), SignatureChecks::MAX_OF_ONE_CLIENT, "{header} {set:?}");
            }
        }
    }

    #[test]
    fn a_rejected_algorithm_is_reported_with_the_accepted_ones() {
        let text = jwt(&json!({ "alg": "ES512" }));
        let assertion = UnverifiedAssertion::parse(&text).expect("a JWT");
        let told = |accepted| {
            let mut checks = SignatureChecks::new(1);
            let error = assertion.verify(&ExternalJwks::default(), accepted, &mut checks);
            error.err().expect("an error").to_string()
        };
        assert_eq!(
            told(&CLIENT_ASSERTION_ALGS),
            "its alg 'ES512' is not accepted; accepted: ES256, RS256, PS256, EdDSA"
        );
        assert!(told(&ISSUER_ALGS).ends_with("ES384, RS384, RS512, PS384, PS512"));
    }

    #[test]
    fn every_algorithm_has_a_decoy_that_can_verify() {
        for algorithm in ISSUER_ALGS {
            assert!(decoy_key::find(algorithm).is_some(), "{algorithm:?}");
        }
    }

    /// S-16.
    #[test]
    fn a_token_of_another_purpose_is_rejected_and_those_of_real_issuers_are_not() {
        let purpose = |typ: Value| {
            let text = jwt(&json!({ "alg": "ES256", "typ": typ }));
            UnverifiedAssertion::parse(&text).expect("a JWT").check_purpose()
        };
        // Kubernetes and Google send no `typ` or JWT, SPIFFE sends JOSE, others send at+jwt (RFC
        // 9068).
        for taken in [Value::Null, "JWT".into(), "jwt".into(), "JOSE".into(), "at+jwt".into()] {
            assert_eq!(purpose(taken.clone()), Ok(()), "{taken}");
        }
        for rejected in ["logout+jwt", "secevent+jwt", "application/dpop+JWT", "x+jwt", "vc+sd-jwt"]
        {
            assert!(purpose(rejected.into()).is_err(), "{rejected}");
        }
    }
}
