//! The functions that the targets call: every call into tokend is in this file.

use std::collections::BTreeMap;

pub(crate) use tokend::admin::import::fuzzing::read as read_import;
pub(crate) use tokend::config::sources::{Flags, Settings};
pub(crate) use tokend::config::{Config, Requirement};
pub(crate) use tokend::jose::assertion::{
    CLIENT_ASSERTION_ALGS, ISSUER_ALGS, SignatureChecks, UnverifiedAssertion,
};
pub(crate) use tokend::jose::dpop::{Expected, Proof};
pub(crate) use tokend::jose::external_jwks::ExternalJwks;
pub(crate) use tokend::model::claim_pattern::Pattern;
pub(crate) use tokend::model::distinguished_name::DistinguishedName;
pub(crate) use tokend::model::security::{KeySet, KeySetUri, TlsSubject};
pub(crate) use tokend::model::static_claims::StaticClaims;
pub(crate) use tokend::model::time::Timestamp;
pub(crate) use tokend::model::trust::ExternalIssuer;
pub(crate) use tokend::oauth::caller::{HeaderCredentials, PresentedCertificate};
pub(crate) use tokend::oauth::parameters::Parameters;
pub(crate) use tokend::outbound::exchange;
pub(crate) use tokend::remote_keys::discovered_uri;
pub(crate) use tokend::web::fuzzing::{basic_credentials, client_address, client_certificate};
pub(crate) use tokend::x509::certificate::ClientCertificate;

use tokend::oauth::caller::RequestOrigin;
use tokend::oauth::error::{Description, OAuthError};
use tokend::oauth::token::request::TokenRequest;

/// The maximum length of a description: a sentence with a value of the caller.
const MAX_DESCRIPTION: usize = 500;

/// Asserts that an error could be sent: only characters of RFC 6749, section 5.2, and a bounded
/// number.
pub(crate) fn assert_sendable(error: &OAuthError) {
    let Description::Sentence(sentence) = error.description() else { return };
    let is_allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    assert!(sentence.bytes().all(is_allowed), "not allowed in a description: {sentence:?}");
    assert!(sentence.len() <= MAX_DESCRIPTION, "too long: {sentence}");
}

/// Asserts that parameters are these pairs, then builds a token request from them.
pub(crate) fn assert_parameters(read: impl Fn() -> Parameters, pairs: &[(String, String)]) {
    let mut expected: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        expected.entry(name).or_default().push(value);
    }
    let mut parameters = read();
    for (name, mut values) in expected {
        // An empty value is treated as absent (RFC 6749, section 3.2).
        let mut found = parameters.take_all(name);
        values.retain(|value| !value.is_empty());
        values.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, values, "{name}");
        assert!(name == "resource" || values.len() <= 1, "{name} was accepted twice");
    }
    let origin = RequestOrigin {
        address: [192, 0, 2, 1].into(),
        certificate: PresentedCertificate::Nothing,
        is_trusted_proxy: false,
    };
    if let Err(error) = TokenRequest::new(read(), HeaderCredentials::Absent, origin) {
        assert_sendable(&error);
    }
}
