//! Nonces that the server issues and verifies without storing them (RFC 9449, section 8): a time
//! and its MAC. All instances have the same key, so each accepts the nonces of the others.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::crypto::mac::{self, MacKey};
use crate::model::time::Timestamp;

/// The validity of a nonce, in seconds.
const NONCE_TTL_SECONDS: i64 = 300;

/// The number of bytes of the MAC in a nonce.
const MAC_LENGTH: usize = 16;

/// Issues nonces and verifies them.
#[derive(Debug)]
pub struct NonceIssuer(MacKey);

impl NonceIssuer {
    /// Creates an issuer. The key must have no other use, and all instances must have it.
    pub fn new(key: &[u8]) -> Self {
        Self(MacKey::new(key))
    }

    /// Returns a nonce for this time.
    pub fn make(&self, now: Timestamp) -> String {
        let issued_at = now.0.to_be_bytes();
        let mac = self.0.sign(&issued_at);
        let mut bytes = issued_at.to_vec();
        bytes.extend(mac.iter().take(MAC_LENGTH));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// True for a nonce of this server that has not expired.
    pub fn knows(&self, nonce: &str, now: Timestamp) -> bool {
        let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((issued_at, _)) = bytes.split_first_chunk::<8>() else { return false };
        let issued_at = Timestamp(i64::from_be_bytes(*issued_at));
        let age = now.seconds_since(issued_at);
        // The clocks of two instances may differ by some seconds.
        let is_young = (-10..=NONCE_TTL_SECONDS).contains(&age);
        let expected = self.make(issued_at);
        is_young && mac::is_equal(expected.as_bytes(), nonce.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_known_to_each_holder_of_the_key_until_it_expires() {
        let (one, two, other) =
            (NonceIssuer::new(b"a"), NonceIssuer::new(b"a"), NonceIssuer::new(b"b"));
        let nonce = one.make(Timestamp(1000));
        assert!(two.knows(&nonce, Timestamp(1300)));
        assert!(!two.knows(&nonce, Timestamp(1301)));
        assert!(!other.knows(&nonce, Timestamp(1000)));
        assert!(!one.knows("", Timestamp(1000)));
        assert!(!one.knows(&nonce[..nonce.len() - 1], Timestamp(1000)));
        assert_ne!(nonce, one.make(Timestamp(1001)));
    }
}
