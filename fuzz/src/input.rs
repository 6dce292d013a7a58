//! How inputs are divided into parts. They are text wherever that is possible, so that a person can
//! read and write them.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

/// The input as text; `None` for other bytes.
pub(crate) fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The first line, and everything behind it.
pub(crate) fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// A compact JWS from three lines: the header, the claims and the encoded signature. So the fuzzer
/// changes JSON and not its Base64 form.
pub(crate) fn compact_jws(text: &str) -> String {
    let mut lines = text.lines();
    let mut part = || BASE64_URL_SAFE_NO_PAD.encode(lines.next().unwrap_or_default());
    let (header, claims) = (part(), part());
    format!("{header}.{claims}.{}", lines.next().unwrap_or_default())
}

/// What a part of a JWS says.
pub(crate) fn decoded(part: &str) -> Value {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).expect("Base64 in a JWS that was accepted");
    serde_json::from_slice(&bytes).expect("JSON in a JWS that was accepted")
}

/// The part of a compact JWS that its signature covers.
pub(crate) fn signing_input(token: &str) -> &str {
    token.trim().rsplit_once('.').map_or("", |(signed, _)| signed)
}
