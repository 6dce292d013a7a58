//! Checkpoints of the audit log as signed JWTs (RFC 7519) with a separate type.
//!
//! The audit key signs nothing else and is not in the key set of tokens, so no verifier of tokens
//! accepts a checkpoint. A checkpoint must have this type and be signed with an audit key, so no
//! token is accepted as a checkpoint (RFC 8725, section 3.11).

use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm as JwsAlgorithm, DecodingKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::CryptoError;
use crate::jose::jws::Jws;
use crate::jose::signer::{self, Signer};
use crate::jose::token_header;
use crate::model::event::Head;
use crate::model::signing_key::{Algorithm, KeyId, RsaSize};

/// The `typ` of a checkpoint.
pub const TYP: &str = "audit-checkpoint+jwt";

/// The claims of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointClaims {
    /// The issuer of the server.
    pub iss: String,
    /// The time of the signature, in seconds.
    pub iat: i64,
    /// The sequence of the last event that the checkpoint covers.
    pub sequence: i64,
    /// The hash of that event.
    pub hash: String,
}

impl CheckpointClaims {
    /// Returns the event that the checkpoint covers.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash.clone() }
    }
}

/// Why a text is not a valid checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The text is not a JWS of the type and algorithm of checkpoints.
    #[error("it is not a JWT of type {TYP} that is signed with ES256")]
    NotACheckpoint,
    /// The key is not an audit key.
    #[error("it is signed with key {0}, which is not an audit key of this server")]
    UnknownKey(String),
    /// The signature does not match.
    #[error("its signature does not match")]
    WrongSignature,
    /// The claims are not those of a checkpoint.
    #[error("its claims are not those of a checkpoint")]
    WrongClaims,
    /// The key set cannot be read.
    #[error("the key set cannot be read: it is not a JWK set (RFC 7517)")]
    UnreadableKeySet,
}

/// Generates a private key, which the caller must seal immediately.
pub fn generate() -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    signer::generate(Algorithm::Es256, RsaSize::Bits2048)
}

/// Private audit key, which signs checkpoints.
#[derive(Debug)]
pub struct CheckpointSigner {
    signer: Signer,
    header: String,
    kid: KeyId,
    public_jwk: String,
}

impl CheckpointSigner {
    /// Parses a private key (PKCS #8).
    pub fn new(pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let signer = Signer::new(Algorithm::Es256, pkcs8)?;
        let (kid, jwk) = signer.public_jwk()?;
        let header = token_header::encode(TYP, Algorithm::Es256, &kid)?;
        let public_jwk = serde_json::to_string(&jwk)
            .map_err(|_| CryptoError::Failed("writing the public half of an audit key"))?;
        Ok(Self { signer, header, kid, public_jwk })
    }

    /// Returns the id of the key.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// Returns the public key (RFC 7517).
    pub fn public_jwk(&self) -> &str {
        &self.public_jwk
    }

    /// Signs a checkpoint.
    pub fn sign(&self, claims: &CheckpointClaims) -> Result<String, CryptoError> {
        let failed = |_| CryptoError::Failed("writing a checkpoint");
        token_header::sign(&self.signer, &self.header, &serde_json::to_vec(claims).map_err(failed)?)
    }
}

/// Public audit keys.
pub struct CheckpointKeys(Vec<(String, DecodingKey)>);

impl std::fmt::Debug for CheckpointKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "CheckpointKeys({} keys)", self.0.len())
    }
}

impl CheckpointKeys {
    /// Parses stored public keys. A key that cannot be parsed is skipped.
    pub fn stored(public_jwks: &[String]) -> Self {
        let keys = public_jwks.iter().filter_map(|text| serde_json::from_str::<Jwk>(text).ok());
        Self(keys.filter_map(|jwk| key_of(&jwk)).collect())
    }

    /// Parses the keys of a key set (RFC 7517, section 5).
    ///
    /// # Errors
    /// [`CheckpointError::UnreadableKeySet`].
    pub fn of_set(text: &str) -> Result<Self, CheckpointError> {
        let set: JwkSet =
            serde_json::from_str(text).map_err(|_| CheckpointError::UnreadableKeySet)?;
        Ok(Self(set.keys.iter().filter_map(key_of).collect()))
    }

    /// Verifies the type, key and signature of a checkpoint. Checkpoints do not expire.
    ///
    /// # Errors
    /// The first problem that is found.
    pub fn verify(&self, text: &str) -> Result<CheckpointClaims, CheckpointError> {
        let jws = Jws::read(text).ok_or(CheckpointError::NotACheckpoint)?;
        let is_checkpoint = jws.header["typ"].as_str() == Some(TYP)
            && jws.header["alg"].as_str() == Some(Algorithm::Es256.as_str())
            && jws.header.get("crit").is_none();
        if !is_checkpoint {
            return Err(CheckpointError::NotACheckpoint);
        }
        let kid = jws.header["kid"].as_str().unwrap_or_default();
        let key = self.0.iter().find(|(known, _)| known == kid);
        let (_, key) = key.ok_or_else(|| CheckpointError::UnknownKey(kid.to_owned()))?;
        if !jws.is_signed_by(key, JwsAlgorithm::ES256) {
            return Err(CheckpointError::WrongSignature);
        }
        serde_json::from_value(jws.claims).map_err(|_| CheckpointError::WrongClaims)
    }
}

fn key_of(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    if jwk.common.key_algorithm != Some(KeyAlgorithm::ES256) {
        return None;
    }
    Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    fn signer() -> CheckpointSigner {
        CheckpointSigner::new(&generate().expect("a key")).expect("a signer")
    }

    fn claims() -> CheckpointClaims {
        CheckpointClaims {
            iss: "https://id.example.com".to_owned(),
            iat: 1_795_771_800,
            sequence: 41,
            hash: "a".repeat(43),
        }
    }

    /// Signs other headers or claims with the key of `signer`.
    fn signed(signer: &CheckpointSigner, header: &Value, claims: &Value) -> String {
        let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        let claims = claims.to_string();
        token_header::sign(&signer.signer, &header, claims.as_bytes()).expect("a JWS")
    }

    #[test]
    fn a_checkpoint_is_valid_with_its_key_alone() {
        let (own, other) = (signer(), signer());
        let text = own.sign(&claims()).expect("a checkpoint");
        let keys = |signer: &CheckpointSigner| {
            CheckpointKeys::stored(&[signer.public_jwk().to_owned(), "{}".to_owned()])
        };
        assert_eq!(keys(&own).verify(&text), Ok(claims()));
        let unknown = CheckpointError::UnknownKey(own.kid().as_str().to_owned());
        assert_eq!(keys(&other).verify(&text), Err(unknown));
        let set = format!("{{\"keys\":[{}]}}", own.public_jwk());
        assert_eq!(CheckpointKeys::of_set(&set).expect("keys").verify(&text), Ok(claims()));
        for wrong in ["", "{}", "[]", "{\"keys\":1}"] {
            assert!(CheckpointKeys::of_set(wrong).is_err(), "{wrong}");
        }
        // Another key with the id of the first one.
        let forged = signed(
            &other,
            &json!({ "typ": TYP, "alg": "ES256", "kid": own.kid() }),
            &json!(claims()),
        );
        assert_eq!(keys(&own).verify(&forged), Err(CheckpointError::WrongSignature));
    }

    #[test]
    fn a_changed_claim_another_type_or_algorithm_is_rejected() {
        let own = signer();
        let keys = CheckpointKeys::stored(&[own.public_jwk().to_owned()]);
        let text = own.sign(&claims()).expect("a checkpoint");
        let mut parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let altered = CheckpointClaims { sequence: 40, ..claims() };
        parts[1] = BASE64_URL_SAFE_NO_PAD.encode(json!(altered).to_string());
        assert_eq!(keys.verify(&parts.join(".")), Err(CheckpointError::WrongSignature));
        let kid = own.kid().as_str();
        for header in [
            json!({ "typ": "at+jwt", "alg": "ES256", "kid": kid }),
            json!({ "typ": "JWT", "alg": "ES256", "kid": kid }),
            json!({ "alg": "ES256", "kid": kid }),
            json!({ "typ": TYP, "alg": "none", "kid": kid }),
            json!({ "typ": TYP, "alg": "HS256", "kid": kid }),
            json!({ "typ": TYP, "alg": "ES256", "kid": kid, "crit": ["exp"] }),
        ] {
            let text = signed(&own, &header, &json!(claims()));
            assert_eq!(keys.verify(&text), Err(CheckpointError::NotACheckpoint), "{header}");
        }
        let header = json!({ "typ": TYP, "alg": "ES256", "kid": kid });
        let text = signed(&own, &header, &json!({ "iss": "a", "sequence": "41" }));
        assert_eq!(keys.verify(&text), Err(CheckpointError::WrongClaims));
        for text in ["", "a.b.c", "eyJ9", &"a".repeat(10_000)] {
            assert_eq!(keys.verify(text), Err(CheckpointError::NotACheckpoint), "{text}");
        }
    }

    /// No verifier of access tokens accepts a checkpoint, even with its key in the key set.
    #[test]
    fn a_checkpoint_is_not_an_access_token() {
        let own = signer();
        let text = own.sign(&claims()).expect("a checkpoint");
        let set = format!("{{\"keys\":[{}]}}", own.public_jwk());
        let keys = crate::jose::jwt::key_set(&set).expect("keys");
        let now = crate::model::time::Timestamp(1_795_771_800);
        let problem = crate::jose::jwt::verify(&text, &keys, None, now).expect_err("rejected");
        assert_eq!(problem, crate::jose::jwt::TokenError::NotAnAccessToken);
    }
}
