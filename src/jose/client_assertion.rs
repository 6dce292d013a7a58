//! Assertions that the command line signs as a client of a server (`private_key_jwt`, RFC 7523,
//! section 2.2), with the key of an administrator.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::json;
use x509_parser::pem::Pem;
use zeroize::Zeroizing;

use crate::crypto::{CryptoError, random};
use crate::jose::signer::Signer;
use crate::model::Malformed;
use crate::model::signing_key::Algorithm;
use crate::model::time::Timestamp;

/// The validity of an assertion, in seconds.
const TTL_SECONDS: i64 = 60;

/// Signs the assertions of one client.
#[derive(Debug)]
pub struct AssertionSigner(Signer);

impl AssertionSigner {
    /// Parses a private key in PEM: PKCS #8, of P-256, Ed25519 or RSA.
    ///
    /// # Errors
    /// If the text is not such a key. The error never repeats the text.
    pub fn from_pem(text: &[u8]) -> Result<Self, Malformed> {
        let blocks = Pem::iter_from_buffer(text).filter_map(Result::ok);
        let mut keys = blocks.filter(|block| block.label == "PRIVATE KEY");
        let der = keys.next().map(|block| Zeroizing::new(block.contents));
        let der = der.ok_or_else(|| {
            Malformed::because(
                "it is not a private key in PEM (PKCS #8); convert it: openssl pkcs8 -topk8 -nocrypt",
            )
        })?;
        [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256]
            .into_iter()
            .find_map(|algorithm| Signer::new(algorithm, &der).ok())
            .map(Self)
            .ok_or_else(|| Malformed::because("its key is not one of P-256, Ed25519 or RSA"))
    }

    /// Signs an assertion by which `client_id` authenticates to the server with this issuer.
    ///
    /// # Errors
    /// [`CryptoError`] if it cannot be signed.
    pub fn sign(
        &self,
        client_id: &str,
        issuer: &str,
        now: Timestamp,
    ) -> Result<SecretString, CryptoError> {
        let header = json!({ "alg": self.0.algorithm().as_str(), "typ": "JWT" });
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": issuer,
            "jti": random::identifier("ca_")?,
            "iat": now.0,
            "exp": now.plus_seconds(TTL_SECONDS).0,
        });
        let encode = |part: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let mut text = format!("{}.{}", encode(&header), encode(&claims));
        let message = text.clone();
        text.push('.');
        self.0.sign(message.as_bytes(), &mut text)?;
        Ok(SecretString::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::signer;
    use crate::model::signing_key::RsaSize;

    fn pem(algorithm: Algorithm) -> String {
        let der = signer::generate(algorithm, RsaSize::Bits2048).expect("a key");
        let text = base64::prelude::BASE64_STANDARD.encode(der.as_slice());
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    }

    #[test]
    fn a_key_of_each_kind_signs_by_its_algorithm() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let signer = AssertionSigner::from_pem(pem(algorithm).as_bytes()).expect("a key");
            assert_eq!(signer.0.algorithm(), algorithm);
        }
        for text in
            ["", "tkd_secret", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]
        {
            let problem = AssertionSigner::from_pem(text.as_bytes()).expect_err("rejected");
            assert!(!problem.to_string().contains("tkd_"));
        }
    }
}
