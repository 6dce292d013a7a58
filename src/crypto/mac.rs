//! Message authentication codes.

use aws_lc_rs::hmac;

/// HMAC-SHA256 (RFC 2104) over bytes.
pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes).as_ref().to_vec()
}
