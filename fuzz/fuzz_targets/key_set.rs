//! A JWK set of a client or an issuer, and a token that is verified with its keys.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tokend::jose::assertion::{Assertion, ISSUER_ALGS};
use tokend::jose::external_jwks::ExternalJwks;

/// An ES256 token with arbitrary claims; its signature is wrong for every key.
const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.e30.\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fuzz_target!(|text: &str| {
    if let Ok(keys) = ExternalJwks::fetched(text) {
        let token = Assertion::read(TOKEN).expect("a token");
        assert!(token.verify(&keys, &ISSUER_ALGS).is_err());
        let _ = keys.names();
    }
    let _ = ExternalJwks::registered(text, &ISSUER_ALGS);
    let _ = ExternalJwks::stored(text);
});
