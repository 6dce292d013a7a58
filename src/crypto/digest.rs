//! Digests as names of values that are too long or too secret to be stored.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// SHA-256 over some texts, in base64url. They are joined as a JSON array, so that no two different
/// lists read the same.
pub fn compute(texts: &[&str]) -> String {
    of_bytes(serde_json::json!(texts).to_string().as_bytes())
}

/// SHA-256 over bytes, in base64url.
pub fn of_bytes(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes))
}
