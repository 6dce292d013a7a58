//! HTTP Basic as OAuth uses it (RFC 6749, section 2.3.1).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::ExposeSecret;

use super::subject::{HeaderCredentials, assert_sendable, basic_credentials};

/// Existing clients: ids with colons, and one that changes when it is decoded.
const KNOWN: [&str; 4] = ["svc", "svc:a", "https://agent.example.com/client.json", "a%2Fb+c"];

/// Reads the input as the value of an `Authorization` header, and as credentials inside one.
pub fn fuzz(data: &[u8]) {
    read(data, &KNOWN);
    let encoded = format!("Basic {}", BASE64_STANDARD.encode(data));
    read(encoded.as_bytes(), &[]);
    let Some((id, secret)) = read(encoded.as_bytes(), &KNOWN) else { return };
    let text = std::str::from_utf8(data).expect("only UTF-8 is accepted");
    assert!(text.contains(':') && !id.is_empty() && !secret.is_empty());
    assert!(id.len() + secret.len() < text.len(), "more than was sent: {text:?}");
    // Credentials encoded by the RFC are read as the same pair.
    let form = |value: &str| form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", form(&id), form(&secret));
    let header = format!("bAsIc {}", BASE64_STANDARD.encode(pair));
    assert_eq!(read(header.as_bytes(), &[]), Some((id, secret)));
}

/// Reads one header; returns `None` for every failure. Two headers are always an error.
fn read(value: &[u8], known: &[&str]) -> Option<(String, String)> {
    let is_known = |id: &str| known.contains(&id);
    let name = "authorization";
    let twice = basic_credentials(&[(name, value), (name, value)], is_known)?;
    assert_sendable(&twice.expect_err("two headers were accepted"));
    let scheme = value.get(..5).unwrap_or_default();
    match basic_credentials(&[(name, value)], is_known)?.expect("one header") {
        HeaderCredentials::Basic(id, secret) => {
            assert!(scheme.eq_ignore_ascii_case(b"basic"), "another scheme was accepted");
            Some((id, secret.expose_secret().to_owned()))
        }
        HeaderCredentials::Unreadable(_) => None,
        HeaderCredentials::Absent => panic!("a header was not seen"),
    }
}
