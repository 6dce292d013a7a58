//! A signed JWT that is first parsed and then verified with a key. The library verifies the
//! signature only. It does not parse the header, because it drops members that must be rejected and
//! does not know the algorithm names of RFC 9864.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// A compact JWS (RFC 7515, section 7.1) whose payload is a JSON object.
pub(super) struct Jws<'a> {
    signed: &'a str,
    signature: &'a str,
    pub(super) header: Value,
    pub(super) claims: Value,
}

impl<'a> Jws<'a> {
    /// Parses a text; `None` if it is not a JWS. Keys that the header names or contains are not
    /// used (RFC 8725, section 3.10).
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let (header, claims) = (object(header)?, object(claims)?);
        Some(Self { signed, signature, header, claims })
    }

    /// Returns the algorithm of the header, if it is a supported asymmetric one. The name `Ed25519`
    /// for `EdDSA` is from RFC 9864.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        Some(match self.header["alg"].as_str()? {
            "ES256" => Algorithm::ES256,
            "ES384" => Algorithm::ES384,
            "RS256" => Algorithm::RS256,
            "RS384" => Algorithm::RS384,
            "RS512" => Algorithm::RS512,
            "PS256" => Algorithm::PS256,
            "PS384" => Algorithm::PS384,
            "PS512" => Algorithm::PS512,
            "EdDSA" | "Ed25519" => Algorithm::EdDSA,
            _ => return None,
        })
    }

    /// True if that key signed it with that algorithm, which must be one of the key's family.
    pub(super) fn is_signed_by(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        let message = self.signed.as_bytes();
        jsonwebtoken::crypto::verify(self.signature, message, key, algorithm).unwrap_or(false)
    }
}

fn object(part: &str) -> Option<Value> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jws(header: &str, claims: &str) -> String {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.AA", part(header), part(claims))
    }

    #[test]
    fn a_text_that_is_not_a_jws_is_rejected() {
        let good = jws(r#"{"alg":"ES256"}"#, "{}");
        assert!(Jws::read(&good).is_some());
        for bad in ["", "a", "a.b", "..", "a.b.c.d"] {
            assert!(Jws::read(bad).is_none(), "{bad}");
        }
        assert!(Jws::read(&format!("{good}.AA")).is_none(), "a JWE has five parts");
        assert!(Jws::read(&jws("[]", "{}")).is_none());
        assert!(Jws::read(&jws("{}", "1")).is_none());
    }

    /// C-135, C-192, C-197: symmetric algorithms and `none` are rejected; both names of Ed25519 are
    /// accepted.
    #[test]
    fn only_asymmetric_algorithms_are_known() {
        let algorithm = |name: &str| {
            let text = jws(&format!(r#"{{"alg":{name}}}"#), "{}");
            Jws::read(&text).expect("a JWS").algorithm()
        };
        assert_eq!(algorithm(r#""Ed25519""#), Some(Algorithm::EdDSA));
        assert_eq!(algorithm(r#""EdDSA""#), Some(Algorithm::EdDSA));
        for bad in [r#""none""#, r#""HS256""#, r#""None""#, r#""es256""#, r#"["ES256"]"#, "null"] {
            assert_eq!(algorithm(bad), None, "{bad}");
        }
    }

    /// A key is never used with an algorithm of another family.
    #[test]
    fn a_key_checks_only_algorithms_of_its_own_family() {
        let text = jws(r#"{"alg":"ES256"}"#, "{}");
        let jws = Jws::read(&text).expect("a JWS");
        let shared = DecodingKey::from_secret(b"secret");
        assert!(!jws.is_signed_by(&shared, Algorithm::ES256));
        assert!(!jws.is_signed_by(&shared, Algorithm::RS256));
        assert!(!jws.is_signed_by(&shared, Algorithm::EdDSA));
    }
}
