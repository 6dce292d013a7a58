//! An external signed JWT: the assertion of a client or the token of a trusted issuer.

use std::sync::OnceLock;

use super::input::{compact_jws, decoded, signing_input, text};
use super::subject::{ExternalJwks, ISSUER_ALGS, SignatureChecks, UnverifiedAssertion};

/// Public keys without existing private halves.
const KEYS: &str = include_str!("../keys.json");

/// All inputs that were ever signed with them.
const SIGNED: [&str; 3] = [
    include_str!("../corpus/jws/signed_es256"),
    include_str!("../corpus/jws/signed_rs256"),
    include_str!("../corpus/jws/signed_eddsa"),
];

/// Reads the input as a compact JWS, and as the three lines of one.
pub fn fuzz(data: &[u8]) {
    let Some(text) = text(data) else { return };
    check(text.trim_end_matches('\n'));
    check(&compact_jws(text));
}

fn check(token: &str) {
    let Ok(assertion) = UnverifiedAssertion::parse(token) else { return };
    assert!(token.len() <= 16 << 10, "a JWT of {} bytes", token.len());
    assert!(!token.contains(char::is_whitespace), "white space");
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, _] = parts[..] else { panic!("{} parts", parts.len()) };
    let (header, claims) = (decoded(header), decoded(claims));
    assert!(header.is_object() && claims.is_object());
    assert!(header["crit"].is_null(), "an extension that is not understood");
    assert_eq!(assertion.unverified_claims(), &claims);
    let typ = assertion.typ().unwrap_or_default();
    if assertion.check_purpose().is_ok() {
        assert!(!["dpop+jwt", "logout+jwt", "secevent+jwt"].contains(&&*typ), "{typ}");
    }
    let mut checks = SignatureChecks::new(4);
    if assertion.verify(keys(), &ISSUER_ALGS, &mut checks).is_ok() {
        let signed = signing_input(token);
        assert!(SIGNED.iter().any(|known| signing_input(known) == signed), "forged: {token}");
    }
    assert!(checks.made() <= 4);
}

fn keys() -> &'static ExternalJwks {
    static PARSED: OnceLock<ExternalJwks> = OnceLock::new();
    PARSED.get_or_init(|| ExternalJwks::registered(KEYS, &ISSUER_ALGS).expect("keys"))
}
