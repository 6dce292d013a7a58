//! Divides inputs into parts. Inputs are text where possible, so that people can read and write
//! them.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

/// Returns the input as text; `None` for other bytes.
pub(crate) fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// Returns the first line, and the rest.
pub(crate) fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// Returns a compact JWS of three lines: the header, the claims and the encoded signature. So the
/// fuzzer changes JSON and not its Base64 form.
pub(crate) fn compact_jws(text: &str) -> String {
    let mut lines = text.lines();
    let mut part = || BASE64_URL_SAFE_NO_PAD.encode(lines.next().unwrap_or_default());
    let (header, claims) = (part(), part());
    format!("{header}.{claims}.{}", lines.next().unwrap_or_default())
}

/// Decodes the JSON of a part of a JWS.
pub(crate) fn decoded(part: &str) -> Value {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).expect("Base64 in a JWS that was accepted");
    serde_json::from_slice(&bytes).expect("JSON in a JWS that was accepted")
}

/// Returns the part of a compact JWS that its signature covers.
pub(crate) fn signing_input(token: &str) -> &str {
    token.trim().rsplit_once('.').map_or("", |(signed, _)| signed)
}
