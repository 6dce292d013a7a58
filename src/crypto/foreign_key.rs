//! The public keys of others: of clients that sign assertions, and of issuers that we trust.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::crypto::digest;

/// The most keys of a set that are looked at.
const MOST: usize = 64;

/// The members that make a key a private or a shared one (RFC 7518, section 6).
pub(super) const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The shortest RSA modulus, in bytes (RFC 7518, section 3.3).
const SHORTEST_RSA: usize = 256;

/// Keys that can check signatures, ready for use.
#[derive(Debug, Default)]
pub struct ForeignKeys(Vec<ForeignKey>);

/// One of them, with the algorithms it may be used for.
pub struct ForeignKey {
    pub(super) kid: Option<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) decoding: DecodingKey,
    /// The hash of the certificate that it came with, if it did.
    certificate: Option<String>,
}

impl std::fmt::Debug for ForeignKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ForeignKey({:?} {:?})", self.kid, self.algorithms)
    }
}

/// Why keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignKeyError {
    /// It is no key set.
    #[error("this is no JWK set: a JSON object whose member keys is a list (RFC 7517, section 5)")]
    NotASet,
    /// There is nothing in it.
    #[error("there is no usable key in it: EC P-256, RSA of 2048 bits or more, or Ed25519")]
    Empty,
    /// There is too much in it.
    #[error("it has more than {MOST} keys")]
    TooMany,
    /// It has a private half, which belongs to its owner alone.
    #[error(
        "key {0} has a private part: give only the public half here, and treat that key as leaked"
    )]
    Private(String),
    /// It is not of a kind that can be used.
    #[error("key {0} cannot be used: {1}")]
    Unusable(String, &'static str),
    /// Two keys have the same id.
    #[error("two keys have the kid {0}")]
    Twice(String),
}

impl ForeignKeys {
    /// Reads a set that an operator registers: every key in it must be one that can be used with
    /// one of the algorithms that are taken there.
    pub fn registered(text: &str, taken: &[Algorithm]) -> Result<Self, ForeignKeyError> {
        let mut keys: Vec<ForeignKey> = Vec::new();
        for (position, value) in values(text)?.into_iter().enumerate() {
            let name = value["kid"].as_str().map_or(format!("number {}", position + 1), quoted);
            if PRIVATE.iter().any(|member| !value[*member].is_null()) {
                return Err(ForeignKeyError::Private(name));
            }
            let unusable = |why| ForeignKeyError::Unusable(name.clone(), why);
            let mut key = key(value).map_err(unusable)?;
            if !is_point(&key) {
                return Err(unusable("its x and y are no point of the curve"));
            }
            key.algorithms.retain(|algorithm| taken.contains(algorithm));
            if key.algorithms.is_empty() {
                return Err(unusable("its algorithm is not taken here"));
            }
            if key.kid.is_some() && keys.iter().any(|other| other.kid == key.kid) {
                return Err(ForeignKeyError::Twice(name));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(ForeignKeyError::Empty);
        }
        Ok(Self(keys))
    }

    /// Reads a set that was registered before, when it was looked at closely.
    pub fn stored(text: &str) -> Result<Self, ForeignKeyError> {
        let stored = |value: Value| {
            let name = value["kid"].as_str().map_or_else(|| "without a kid".to_owned(), quoted);
            key(value).map_err(|why| ForeignKeyError::Unusable(name, why))
        };
        values(text)?.into_iter().map(stored).collect::<Result<_, _>>().map(Self)
    }

    /// Reads a set that was fetched: keys in it that cannot be used are for somebody else. There
    /// may be none left, when its owner has withdrawn them.
    pub fn fetched(text: &str) -> Result<Self, ForeignKeyError> {
        Ok(Self(values(text)?.into_iter().filter_map(|value| key(value).ok()).collect()))
    }

    /// The keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ForeignKey> {
        self.0.iter()
    }

    /// True if one of the keys came with the certificate of that hash (RFC 8705, section 2.2).
    pub fn have_certificate(&self, thumbprint: &str) -> bool {
        self.0.iter().any(|key| key.certificate.as_deref() == Some(thumbprint))
    }

    /// The ids of the keys and what each is for, for people.
    pub fn names(&self) -> Vec<(String, String)> {
        let name = |key: &ForeignKey| {
            let algorithms: Vec<_> =
                key.algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect();
            (key.kid.clone().unwrap_or_default(), algorithms.join(" "))
        };
        self.0.iter().map(name).collect()
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.chars().take(80).collect::<String>())
}

/// The keys of a set as they were sent. Only an object with a list of keys is a set; what the keys
/// are is for the caller to decide.
fn values(text: &str) -> Result<Vec<Value>, ForeignKeyError> {
    let mut set: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| ForeignKeyError::NotASet)?;
    let Some(Value::Array(keys)) = set.remove("keys") else {
        return Err(ForeignKeyError::NotASet);
    };
    if keys.len() > MOST {
        return Err(ForeignKeyError::TooMany);
    }
    Ok(keys)
}

/// Reads a JWK. The library does not know the younger name of `EdDSA` (RFC 9864).
pub(super) fn read(value: Value) -> Option<Jwk> {
    let Value::Object(mut members) = value else { return None };
    if let Some(alg) = members.get_mut("alg").filter(|alg| *alg == "Ed25519") {
        *alg = "EdDSA".into();
    }
    serde_json::from_value(Value::Object(members)).ok()
}

fn key(value: Value) -> Result<ForeignKey, &'static str> {
    let jwk = read(value).ok_or("it is no JWK (RFC 7517)")?;
    match &jwk.common.public_key_use {
        None | Some(PublicKeyUse::Signature) => {}
        // The keys of a SPIFFE trust bundle that sign JWTs (SPIFFE Trust Domain and Bundle, 4.2.2).
        Some(PublicKeyUse::Other(name)) if name == "jwt-svid" => {}
        Some(_) => return Err("its use is not sig"),
    }
    let possible: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => return Err("its curve is not P-256"),
        },
        AlgorithmParameters::RSA(key) => {
            let modulus =
                BASE64_URL_SAFE_NO_PAD.decode(&key.n).map_err(|_| "its n is malformed")?;
            if modulus.iter().skip_while(|byte| **byte == 0).count() < SHORTEST_RSA {
                return Err("an RSA key has 2048 bits or more");
            }
            &[
                Algorithm::RS256,
                Algorithm::PS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS384,
                Algorithm::PS512,
            ]
        }
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
    let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| "its numbers are malformed")?;
    let certificate = jwk.common.x509_chain.as_ref().and_then(|chain| chain.first());
    let certificate = match certificate {
        None => None,
        Some(text) => {
            let der = BASE64_STANDARD.decode(text).map_err(|_| "its x5c is not Base64")?;
            Some(digest::of_bytes(&der))
        }
    };
    Ok(ForeignKey { kid: jwk.common.key_id, algorithms, decoding, certificate })
}

/// True unless it is a key of a curve whose numbers are no key of that curve.
fn is_point(key: &ForeignKey) -> bool {
    let algorithm: &'static dyn VerificationAlgorithm = match key.algorithms.first() {
        Some(Algorithm::ES256) => &ECDSA_P256_SHA256_FIXED,
        Some(Algorithm::ES384) => &ECDSA_P384_SHA384_FIXED,
        Some(Algorithm::EdDSA) => &ED25519,
        _ => return true,
    };
    let bytes = key.decoding.try_get_as_bytes();
    bytes.is_ok_and(|bytes| ParsedPublicKey::new(algorithm, bytes).is_ok())
}

fn algorithm(name: KeyAlgorithm) -> Option<Algorithm> {
    Algorithm::try_from(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::assertion::{OF_CLIENTS, OF_ISSUERS};
    use crate::crypto::signer::{Signer, generate};
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
                ForeignKeys::registered(&set(&[jwk(algorithm)]), &OF_ISSUERS).expect("a key");
            assert_eq!(keys.names()[0].1, algorithm.as_str());
        }
        let mut key = jwk(signing_key::Algorithm::EdDsa);
        key["alg"] = "Ed25519".into();
        assert!(ForeignKeys::registered(&set(&[key]), &OF_ISSUERS).is_ok());
    }

    /// C-135: nothing symmetric, nothing private, nothing weak.
    #[test]
    fn what_an_operator_registers_must_be_usable() {
        let problem = |change: &dyn Fn(&mut Value)| {
            let mut key = jwk(signing_key::Algorithm::Es256);
            change(&mut key);
            ForeignKeys::registered(&set(&[key]), &OF_ISSUERS).expect_err("a problem").to_string()
        };
        assert!(problem(&|key| key["d"] = "AAAA".into()).contains("private part"));
        assert!(problem(&|key| key["use"] = "enc".into()).contains("not sig"));
        assert!(problem(&|key| key["alg"] = "RS256".into()).contains("its alg"));
        assert!(problem(&|key| key["alg"] = "HS256".into()).contains("its alg"));
        assert!(problem(&|key| key["crv"] = "P-521".into()).contains("its curve"));
        assert!(problem(&|key| key["y"] = key["x"].clone()).contains("no point"));
        assert!(problem(&|key| key["x"] = "AAAA".into()).contains("no point"));
        let shared = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#;
        assert!(matches!(
            ForeignKeys::registered(shared, &OF_ISSUERS),
            Err(ForeignKeyError::Private(_))
        ));
        let weak = r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#;
        assert!(ForeignKeys::registered(weak, &OF_ISSUERS).is_err());
        assert_eq!(
            ForeignKeys::registered("{}", &OF_ISSUERS).err(),
            Some(ForeignKeyError::NotASet)
        );
        assert_eq!(
            ForeignKeys::registered(r#"{"keys":[]}"#, &OF_ISSUERS).err(),
            Some(ForeignKeyError::Empty)
        );
        let key = jwk(signing_key::Algorithm::Es256);
        let twice = ForeignKeys::registered(&set(&[key.clone(), key]), &OF_ISSUERS);
        assert!(matches!(twice, Err(ForeignKeyError::Twice(_))));
    }

    #[test]
    fn a_client_registers_only_what_it_may_sign_with() {
        let of = |taken| {
            let keys = ForeignKeys::registered(&set(&[jwk(signing_key::Algorithm::Es256)]), taken);
            keys.map(|keys| keys.names())
        };
        assert_eq!(of(&OF_CLIENTS).expect("a key")[0].1, "ES256");
        let stored = ForeignKeys::stored(&set(&[jwk(signing_key::Algorithm::Es256)]));
        assert_eq!(stored.expect("a key").names()[0].1, "ES256");
        assert!(of(&[Algorithm::RS256]).is_err());
    }

    #[test]
    fn of_what_is_fetched_the_usable_keys_are_taken() {
        let odd = serde_json::json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" });
        let text = set(&[odd, jwk(signing_key::Algorithm::Es256)]);
        assert_eq!(ForeignKeys::fetched(&text).expect("keys").names().len(), 1);
        assert!(ForeignKeys::fetched(&set(&[])).expect("no keys").names().is_empty());
    }
}
