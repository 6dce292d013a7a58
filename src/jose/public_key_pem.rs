//! Converts public keys in PEM, from openssl or in certificates, into JWKs (RFC 7517). Only JWKs
//! are registered.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use serde_json::{Value, json};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Why a PEM text cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The text has a private key.
    #[error(
        "it has a private key, which must stay with the client. Make the public half with: \
         openssl pkey -in FILE -pubout"
    )]
    PrivateKey,
    /// The text has something other than keys and certificates.
    #[error("it has a {0}. Expected: PUBLIC KEY or CERTIFICATE")]
    UnknownLabel(String),
    /// The text is not PEM, or its content does not match its label.
    #[error("it is not valid PEM with a PUBLIC KEY or a CERTIFICATE")]
    Malformed,
    /// The key is of a kind that cannot sign assertions here.
    #[error("its key is not EC P-256, RSA or Ed25519")]
    UnknownKey,
}

/// True if a text is PEM, not JSON.
pub fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN ")
}

/// Parses every public key and certificate of a PEM text into a JWK set. The `kid` of each key is
/// its thumbprint (RFC 7638), which is also the default of most libraries.
///
/// # Errors
/// If the text has a private key, something other than keys, or a key that cannot be used.
pub fn key_set(text: &str) -> Result<Value, PemError> {
    let mut keys = Vec::new();
    for pem in Pem::iter_from_buffer(text.as_bytes()) {
        let pem = pem.map_err(|_| PemError::Malformed)?;
        let mut key = match pem.label.as_str() {
            "PUBLIC KEY" => {
                let read = SubjectPublicKeyInfo::from_der(&pem.contents);
                jwk(&read.map_err(|_| PemError::Malformed)?.1)?
            }
            "CERTIFICATE" => {
                let read = X509Certificate::from_der(&pem.contents);
                jwk(read.map_err(|_| PemError::Malformed)?.1.public_key())?
            }
            label if label.ends_with("PRIVATE KEY") => return Err(PemError::PrivateKey),
            label => return Err(PemError::UnknownLabel(label.to_owned())),
        };
        key["kid"] = thumbprint(&key)?.into();
        keys.push(key);
    }
    if keys.is_empty() { Err(PemError::Malformed) } else { Ok(json!({ "keys": keys })) }
}

/// Returns the public key as a JWK, without a `kid`.
pub fn jwk(info: &SubjectPublicKeyInfo<'_>) -> Result<Value, PemError> {
    let encoded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let raw: &[u8] = &info.subject_public_key.data;
    let mut jwk = match info.parsed() {
        Ok(PublicKey::RSA(key)) => {
            let trimmed = |bytes: &[u8]| {
                let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
                encoded(&bytes[start..])
            };
            json!({ "kty": "RSA", "n": trimmed(key.modulus), "e": trimmed(key.exponent) })
        }
        // An uncompressed point of P-256: 0x04, then 32 bytes each of x and y.
        Ok(PublicKey::EC(_)) if raw.len() == 65 && raw[0] == 4 => json!({
            "kty": "EC", "crv": "P-256", "x": encoded(&raw[1..33]), "y": encoded(&raw[33..]),
        }),
        // id-Ed25519 (RFC 8410, section 3).
        _ if info.algorithm.algorithm.to_id_string() == "1.3.101.112" => {
            json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(raw) })
        }
        _ => return Err(PemError::UnknownKey),
    };
    jwk["use"] = "sig".into();
    Ok(jwk)
}

/// Returns the thumbprint of a public key (RFC 7638), with SHA-256.
///
/// # Errors
/// [`PemError::UnknownKey`] if it is not a JWK of a known kind.
pub fn thumbprint(jwk: &Value) -> Result<String, PemError> {
    let key: Jwk = serde_json::from_value(jwk.clone()).map_err(|_| PemError::UnknownKey)?;
    key.thumbprint(ThumbprintHash::SHA256).map_err(|_| PemError::UnknownKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8410, section 10.1.
    const ED25519: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

    #[test]
    fn a_public_key_becomes_a_jwk_with_its_thumbprint() {
        let set = key_set(&format!("a comment\n{ED25519}")).expect("a key set");
        let key = &set["keys"][0];
        assert_eq!((&key["kty"], &key["crv"]), (&json!("OKP"), &json!("Ed25519")));
        assert_eq!(key["x"], "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
        assert_eq!(key["kid"].as_str().map(str::len), Some(43));
        let two = key_set(&format!("{ED25519}{ED25519}")).expect("a key set");
        assert_eq!(two["keys"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn other_pem_blocks_are_rejected_and_a_private_key_is_named() {
        let relabelled = |label: &str| ED25519.replace("PUBLIC KEY", label);
        assert_eq!(key_set(&relabelled("PRIVATE KEY")), Err(PemError::PrivateKey));
        assert_eq!(key_set(&relabelled("EC PRIVATE KEY")), Err(PemError::PrivateKey));
        let request = PemError::UnknownLabel("CERTIFICATE REQUEST".to_owned());
        assert_eq!(key_set(&relabelled("CERTIFICATE REQUEST")), Err(request));
        assert_eq!(key_set(&relabelled("CERTIFICATE")), Err(PemError::Malformed));
        for broken in ["", "-----BEGIN PUBLIC KEY-----", &ED25519.replace("MCow", "AAAA")] {
            assert_eq!(key_set(broken), Err(PemError::Malformed), "{broken}");
        }
    }
}
