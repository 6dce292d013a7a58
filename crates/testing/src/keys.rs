//! Keys of clients and of external issuers, and the JWTs that they sign: valid and invalid ones.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokend::jose::signer::{Signer, generate};
use tokend::model::security::{KeySet, KeySource};
use tokend::model::signing_key::{Algorithm, RsaSize};

/// A key pair that does not belong to the server.
pub struct KeyPair {
    signer: Signer,
    pub jwk: Value,
}

impl KeyPair {
    pub fn new(algorithm: Algorithm) -> Self {
        Self::of(algorithm, &generate(algorithm, RsaSize::Bits2048).expect("a key"))
    }

    /// Returns the key pair of a private key in PKCS #8.
    pub fn of(algorithm: Algorithm, pkcs8: &[u8]) -> Self {
        let signer = Signer::new(algorithm, pkcs8).expect("a signer");
        let jwk = serde_json::to_value(signer.public_jwk().expect("a key").1).expect("JSON");
        Self { signer, jwk }
    }

    pub fn kid(&self) -> &str {
        self.jwk["kid"].as_str().expect("a kid")
    }

    /// Returns the public half as a client's registered keys.
    pub fn source(&self) -> KeySource {
        KeySource::Inline(KeySet::parse(&set(&[&self.jwk])).expect("a key set"))
    }

    /// Returns the header of a valid JWT.
    pub fn header(&self) -> Value {
        json!({ "alg": self.signer.algorithm().as_str(), "kid": self.kid() })
    }

    /// Signs a JWT with this header, valid or not.
    pub fn sign_under(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let mut jwt = format!("{}.{}", part(header), part(claims));
        let mut signature = String::new();
        self.signer.sign(jwt.as_bytes(), &mut signature).expect("a signature");
        jwt.push('.');
        jwt.push_str(&signature);
        jwt
    }

    /// Signs a valid JWT.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_under(&self.header(), claims)
    }
}

/// Returns a JWK set.
pub fn set(keys: &[&Value]) -> String {
    json!({ "keys": keys }).to_string()
}
