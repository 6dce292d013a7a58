//! A JWK set: registered by an operator, or fetched from a client or a trusted issuer.

use serde_json::Value;

use super::input::text;
use super::subject::{
    CLIENT_ASSERTION_ALGS, ExternalJwks, ISSUER_ALGS, KeySet, SignatureChecks, UnverifiedAssertion,
};

/// Tokens without a valid signature: zeros as ES256, and the signature that the neutral element of
/// Ed25519 verifies for every message (S-13).
const FORGED: [&str; 2] = [
    "eyJhbGciOiJFUzI1NiJ9.e30.\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "eyJhbGciOiJFZERTQSJ9.e30.\
     AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];

/// Members of a private or a shared key (RFC 7518, section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Reads the input as a set, for each of the three sources.
pub fn fuzz(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let fetched = ExternalJwks::fetched(text);
    if let Ok(keys) = &fetched {
        assert!(keys.names().len() <= 64, "{} keys", keys.names().len());
        assert_none_is_forged(keys);
        let described = ExternalJwks::describe(text, &ISSUER_ALGS).expect("the same set");
        assert!(described.len() >= keys.names().len());
    }
    let stored = ExternalJwks::stored(text);
    assert_eq!(fetched.is_ok(), stored.is_ok(), "whether it is a set");
    for taken in [&ISSUER_ALGS[..], &CLIENT_ASSERTION_ALGS] {
        let Ok(registered) = ExternalJwks::registered(text, taken) else { continue };
        assert_public(text);
        let count = registered.names().len();
        assert!((1..=64).contains(&count), "{count} keys");
        // A set that is accepted today can be read later, also from an issuer.
        assert_eq!(stored.as_ref().expect("stored").names().len(), count);
        assert_eq!(fetched.as_ref().expect("fetched").names().len(), count);
        if let Ok(set) = KeySet::parse(text) {
            let names = ExternalJwks::stored(set.as_str()).expect("in one line").names();
            assert_eq!(names, stored.as_ref().expect("stored").names());
        }
    }
}

fn assert_none_is_forged(keys: &ExternalJwks) {
    for token in FORGED {
        let token = UnverifiedAssertion::parse(token).expect("a JWT");
        let mut checks = SignatureChecks::new(64);
        assert!(token.verify(keys, &ISSUER_ALGS, &mut checks).is_err(), "a forged token");
    }
}

fn assert_public(text: &str) {
    let set: Value = serde_json::from_str(text).expect("JSON");
    for key in set["keys"].as_array().expect("a list") {
        let is_public = PRIVATE.iter().all(|member| key[*member].is_null());
        assert!(is_public, "a private key was registered");
    }
}
