//! The metadata of a trusted issuer (OpenID Connect Discovery).

#![no_main]

use libfuzzer_sys::fuzz_target;
use tokend::remote_keys::discovered_uri;
use tokend::model::trust::ForeignIssuer;

fuzz_target!(|text: &str| {
    let issuer = ForeignIssuer::parse("https://a.example").expect("an issuer");
    if let Ok(uri) = discovered_uri(text, &issuer) {
        assert!(uri.as_str().starts_with("https:"));
    }
});
