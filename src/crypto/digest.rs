//! Digests that identify values which are too long or too secret to be stored.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Returns SHA-256 over these texts, in base64url. They are encoded as a JSON array, so that two
/// different lists never have the same encoding.
pub fn compute(texts: &[&str]) -> String {
    of_bytes(serde_json::json!(texts).to_string().as_bytes())
}

/// Returns SHA-256 over bytes, in base64url.
pub fn of_bytes(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes))
}
