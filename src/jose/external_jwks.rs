//! Public keys of other parties: of clients that sign assertions, and of trusted issuers.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::crypto::digest;
use crate::jose::public_key;

/// The maximum number of keys in a set.
const MAX_KEYS: usize = 64;

/// The members of a private or symmetric key (RFC 7518, section 6).
pub(super) const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The `use` of the keys of a SPIFFE bundle that verify JWT-SVIDs (SPIFFE Trust Domain and Bundle,
/// section 4.2.2).
pub(super) const JWT_SVID: &str = "jwt-svid";

/// Parsed keys that can verify signatures.
#[derive(Debug, Default)]
pub struct ExternalJwks {
    pub(super) keys: Vec<ExternalJwk>,
    pub(super) refresh_hint: Option<Duration>,
}

/// One key of a set, with the algorithms for which it may be used.
pub struct ExternalJwk {
    pub(super) kid: Option<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) decoding: DecodingKey,
    /// The hash of the certificate in `x5c`, if present.
    certificate: Option<String>,
}

impl ExternalJwk {
    fn algorithm_names(&self) -> String {
        let names: Vec<_> =
            self.algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect();
        names.join(" ")
    }
}

impl std::fmt::Debug for ExternalJwk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ExternalJwk({:?} {:?})", self.kid, self.algorithms)
    }
}

/// The id of a key, and its algorithms or why it cannot be used.
pub type ExaminedKey = (String, Result<String, &'static str>);

/// Why keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExternalJwksError {
    /// The text is not a key set.
    #[error(
        "this is not a JWK set: a JSON object whose member keys is a list (RFC 7517, section 5)"
    )]
    NotASet,
    /// The set has no keys.
    #[error("it has no usable key: EC P-256, RSA of 2048 bits or more, or Ed25519")]
    Empty,
    /// The set has too many keys.
    #[error("it has more than {MAX_KEYS} keys")]
    TooMany,
    /// A key has a private part, which must stay with its owner.
    #[error(
        "key {0} has a private part: give only the public half here, and treat that key as leaked"
    )]
    HasPrivatePart(String),
    /// A key is not of a supported kind.
    #[error("key {0} cannot be used: {1}")]
    Unusable(String, &'static str),
    /// Two keys have the same `kid`.
    #[error("two keys have the kid {0}")]
    DuplicateKid(String),
}

impl ExternalJwks {
    /// Parses a set that an operator registers. Every key must be usable with one of the algorithms
    /// in `taken`.
    pub fn registered(text: &str, taken: &[Algorithm]) -> Result<Self, ExternalJwksError> {
        let mut keys: Vec<ExternalJwk> = Vec::new();
        for (position, value) in values(text)?.into_iter().enumerate() {
            let name = value["kid"].as_str().map_or(format!("number {}", position + 1), quoted);
            if PRIVATE.iter().any(|member| !value[*member].is_null()) {
                return Err(ExternalJwksError::HasPrivatePart(name));
            }
            let unusable = |why| ExternalJwksError::Unusable(name.clone(), why);
            let mut key = key(value, Points::Checked).map_err(unusable)?;
            key.algorithms.retain(|algorithm| taken.contains(algorithm));
            if key.algorithms.is_empty() {
                return Err(unusable("its algorithm is not accepted here"));
            }
            if key.kid.is_some() && keys.iter().any(|other| other.kid == key.kid) {
                return Err(ExternalJwksError::DuplicateKid(name));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(ExternalJwksError::Empty);
        }
        Ok(Self::of(keys))
    }

    /// Parses a set that was registered before. A key that a stricter rule now rejects is skipped
    /// and logged. The other keys of the client stay valid.
    pub fn stored(text: &str) -> Result<Self, ExternalJwksError> {
        let stored = |value: Value| {
            let kid = value["kid"].as_str().map_or_else(|| "without a kid".to_owned(), quoted);
            key(value, Points::Trusted)
                .inspect_err(|problem| {
                    tracing::error!(kid, problem, "a registered key is not used: register another");
                })
                .ok()
        };
        Ok(Self::of(values(text)?.into_iter().filter_map(stored).collect()))
    }

    /// Parses a set that was fetched. Unusable keys are skipped, because they may serve other
    /// purposes. The set is empty if its owner has withdrawn all keys.
    pub fn fetched(text: &str) -> Result<Self, ExternalJwksError> {
        Ok(Self::of(
            values(text)?
                .into_iter()
                .filter_map(|value| key(value, Points::Checked).ok())
                .collect(),
        ))
    }

    fn of(keys: Vec<ExternalJwk>) -> Self {
        Self { keys, refresh_hint: None }
    }

    /// Returns the id of each key and its algorithms among `taken`, for people. Unusable keys are
    /// included.
    pub fn describe(
        text: &str,
        taken: &[Algorithm],
    ) -> Result<Vec<(String, String)>, ExternalJwksError> {
        let describe = |value: Value| {
            let kid = value["kid"].as_str().unwrap_or_default().to_owned();
            match key(value, Points::Checked) {
                Ok(mut key) => {
                    key.algorithms.retain(|algorithm| taken.contains(algorithm));
                    (kid, key.algorithm_names())
                }
                Err(problem) => (kid, format!("unusable: {problem}")),
            }
        };
        Ok(values(text)?.into_iter().map(describe).collect())
    }

    /// Returns the id of each key in a published set, with its algorithms or why a verifier cannot
    /// use it.
    ///
    /// # Errors
    /// If the text is not a set, has too many keys, or a key has a private part.
    pub fn examine(text: &str) -> Result<Vec<ExaminedKey>, ExternalJwksError> {
        let examine = |(position, value): (usize, Value)| {
            let kid = value["kid"].as_str().map_or(format!("number {}", position + 1), quoted);
            if PRIVATE.iter().any(|member| !value[*member].is_null()) {
                return Err(ExternalJwksError::HasPrivatePart(kid));
            }
            let algorithms = key(value, Points::Checked).map(|key| key.algorithm_names());
            Ok((kid, algorithms))
        };
        values(text)?.into_iter().enumerate().map(examine).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ExternalJwk> {
        self.keys.iter()
    }

    /// True if a key has the certificate with this hash (RFC 8705, section 2.2).
    pub fn have_certificate(&self, thumbprint: &str) -> bool {
        self.keys.iter().any(|key| key.certificate.as_deref() == Some(thumbprint))
    }

    /// Returns the id and algorithms of each key, for people.
    pub fn names(&self) -> Vec<(String, String)> {
        let name = |key: &ExternalJwk| (key.kid.clone().unwrap_or_default(), key.algorithm_names());
        self.keys.iter().map(name).collect()
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.chars().take(80).collect::<String>())
}

/// Returns the keys of a set, not yet parsed. Only an object with an array of keys is a set. The
/// caller decides about each key.
fn values(text: &str) -> Result<Vec<Value>, ExternalJwksError> {
    members(text).map(|(keys, _)| keys)
}

/// Returns the keys of a set, and its other members.
pub(super) fn members(text: &str) -> Result<(Vec<Value>, Map<String, Value>), ExternalJwksError> {
    let mut set: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| ExternalJwksError::NotASet)?;
    let Some(Value::Array(keys)) = set.remove("keys") else {
        return Err(ExternalJwksError::NotASet);
    };
    if keys.len() > MAX_KEYS {
        return Err(ExternalJwksError::TooMany);
    }
    Ok((keys, set))
}

/// Parses a JWK. The library does not know `Ed25519`, the newer name of `EdDSA` (RFC 9864).
pub(super) fn read(value: Value) -> Option<Jwk> {
    let Value::Object(mut members) = value else { return None };
    if let Some(alg) = members.get_mut("alg").filter(|alg| *alg == "Ed25519") {
        *alg = "EdDSA".into();
    }
    serde_json::from_value(Value::Object(members)).ok()
}

/// Mode of the check that a key is a point on its curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Points {
    /// The check is computed.
    Checked,
    /// The key passed the check when it was registered. Repeating it for each client would delay
    /// the start.
    Trusted,
}

pub(super) fn key(value: Value, points: Points) -> Result<ExternalJwk, &'static str> {
    let jwk = read(value).ok_or("it is not a JWK (RFC 7517)")?;
    match &jwk.common.public_key_use {
        None | Some(PublicKeyUse::Signature) => {}
        Some(PublicKeyUse::Other(name)) if name == JWT_SVID => {}
        Some(_) => return Err("its use is not sig"),
    }
    let possible: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => return Err("its curve is not P-256 or P-384"),
        },
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::PS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => return Err("its type is not EC, RSA or OKP with Ed25519"),
    };
    let algorithms: Vec<_> = match jwk.common.key_algorithm.map(algorithm) {
        None => possible.to_vec(),
        Some(Some(one)) if possible.contains(&one) => vec![one],
        Some(_) => return Err("its alg is not one for a signature with such a key"),
    };
    public_key::check_numbers(&jwk.algorithm)?;
    if points == Points::Checked {
        public_key::check_point(&jwk.algorithm)?;
    }
    let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| "its numbers are malformed")?;
    let certificate = jwk.common.x509_chain.as_ref().and_then(|chain| chain.first());
    let certificate = match certificate {
        None => None,
        Some(text) => {
            let der = BASE64_STANDARD.decode(text).map_err(|_| "its x5c is not Base64")?;
            Some(digest::of_bytes(&der))
        }
    };
    Ok(ExternalJwk { kid: jwk.common.key_id, algorithms, decoding, certificate })
}

fn algorithm(name: KeyAlgorithm) -> Option<Algorithm> {
    Algorithm::try_from(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::assertion::{CLIENT_ASSERTION_ALGS, ISSUER_ALGS};
    use crate::jose::signer::{Signer, generate};
    use crate::model::signing_key::{self, RsaSize};

    fn jwk(algorithm: signing_key::Algorithm) -> Value {
        let key = generate(algorithm, RsaSize::Bits2048).expect("a key");
        let signer = Signer::new(algorithm, &key).expect("a signer");
        serde_json::to_value(signer.public_jwk().expect("a key").1).expect("JSON")
    }

    fn set(keys: &[Value]) -> String {
        serde_json::json!({ "keys": keys }).to_string()
    }

    #[test]
    fn every_kind_of_key_that_we_know_is_taken() {
        for algorithm in signing_key::Algorithm::ALL {
            let keys =
                ExternalJwks::registered(&set(&[jwk(algorithm)]), &ISSUER_ALGS).expect("a key");
            assert_eq!(keys.names()[0].1, algorithm.as_str());
        }
        let mut key = jwk(signing_key::Algorithm::EdDsa);
        key["alg"] = "Ed25519".into();
        assert!(ExternalJwks::registered(&set(&[key]), &ISSUER_ALGS).is_ok());
    }

    /// C-135: symmetric, private and weak keys are rejected.
    #[test]
    fn what_an_operator_registers_must_be_usable() {
        let problem = |change: &dyn Fn(&mut Value)| {
            let mut key = jwk(signing_key::Algorithm::Es256);
            change(&mut key);
            ExternalJwks::registered(&set(&[key]), &ISSUER_ALGS).expect_err("a problem").to_string()
        };
        assert!(problem(&|key| key["d"] = "AAAA".into()).contains("private part"));
        assert!(problem(&|key| key["use"] = "enc".into()).contains("not sig"));
        assert!(problem(&|key| key["alg"] = "RS256".into()).contains("its alg"));
        assert!(problem(&|key| key["alg"] = "HS256".into()).contains("its alg"));
        assert!(problem(&|key| key["crv"] = "P-521".into()).contains("not P-256 or P-384"));
        assert!(problem(&|key| key["y"] = key["x"].clone()).contains("not a point"));
        assert!(problem(&|key| key["x"] = "AAAA".into()).contains("length of a coordinate"));
        let shared = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#;
        assert!(matches!(
            ExternalJwks::registered(shared, &ISSUER_ALGS),
            Err(ExternalJwksError::HasPrivatePart(_))
        ));
        let weak = r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#;
        assert!(ExternalJwks::registered(weak, &ISSUER_ALGS).is_err());
        assert_eq!(
            ExternalJwks::registered("{}", &ISSUER_ALGS).err(),
            Some(ExternalJwksError::NotASet)
        );
        assert_eq!(
            ExternalJwks::registered(r#"{"keys":[]}"#, &ISSUER_ALGS).err(),
            Some(ExternalJwksError::Empty)
        );
        let key = jwk(signing_key::Algorithm::Es256);
        let twice = ExternalJwks::registered(&set(&[key.clone(), key]), &ISSUER_ALGS);
        assert!(matches!(twice, Err(ExternalJwksError::DuplicateKid(_))));
    }

    #[test]
    fn a_client_registers_only_what_it_may_sign_with() {
        let of = |taken| {
            let keys = ExternalJwks::registered(&set(&[jwk(signing_key::Algorithm::Es256)]), taken);
            keys.map(|keys| keys.names())
        };
        assert_eq!(of(&CLIENT_ASSERTION_ALGS).expect("a key")[0].1, "ES256");
        let stored = ExternalJwks::stored(&set(&[jwk(signing_key::Algorithm::Es256)]));
        assert_eq!(stored.expect("a key").names()[0].1, "ES256");
        assert!(of(&[Algorithm::RS256]).is_err());
    }

    /// S-13, D1: a stricter rule disables one key, not the client.
    #[test]
    fn a_weak_key_that_is_stored_is_left_out_and_the_others_stay() {
        let mut neutral = jwk(signing_key::Algorithm::EdDsa);
        neutral["x"] = format!("AQ{}", "A".repeat(41)).into();
        neutral["kid"] = "neutral".into();
        let text = set(&[neutral, jwk(signing_key::Algorithm::Es256)]);
        assert_eq!(ExternalJwks::stored(&text).expect("keys").names()[0].1, "ES256");
        assert_eq!(ExternalJwks::fetched(&text).expect("keys").names().len(), 1);
        let rejected = ExternalJwks::registered(&text, &ISSUER_ALGS).expect_err("a problem");
        assert!(rejected.to_string().contains("small order"), "{rejected}");
    }

    #[test]
    fn only_the_usable_keys_of_a_fetched_set_are_kept() {
        let odd = serde_json::json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" });
        let text = set(&[odd, jwk(signing_key::Algorithm::Es256)]);
        assert_eq!(ExternalJwks::fetched(&text).expect("keys").names().len(), 1);
        assert!(ExternalJwks::fetched(&set(&[])).expect("no keys").names().is_empty());
    }
}
