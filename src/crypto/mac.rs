//! Message authentication codes.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

/// A key for HMAC-SHA256, which cannot be printed.
pub struct MacKey(hmac::Key);

impl fmt::Debug for MacKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MacKey(…)")
    }
}

impl MacKey {
    /// Creates a key from its bytes.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Returns the code of these bytes, which has 32 bytes.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, bytes).as_ref().to_vec()
    }
}

/// Compares two codes, or two texts that contain them, in constant time.
pub fn is_equal(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

/// Computes HMAC-SHA256 (RFC 2104) over bytes.
pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    MacKey::new(key).sign(bytes)
}
