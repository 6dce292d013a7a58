//! The members of an import line for keys and for the subject of a certificate.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::admin::import::members::TLS_SUBJECTS;
use crate::admin::import::object::{Given, Object};
use crate::admin::import::problems::Problems;
use crate::model::Malformed;
use crate::model::security::{KeySet, KeySetUri, KeySource, TlsSubject};

/// The outer structure of a JWK set (RFC 7517, section 5). Its keys are checked later.
#[derive(Deserialize)]
struct JwkSet<'a> {
    #[serde(rename = "keys", borrow)]
    _keys: Vec<&'a RawValue>,
}

/// Parses the keys of a client or of an issuer: `jwks` or `jwks_uri`.
pub(super) fn keys(object: &Object<'_>, problems: &mut Problems) -> Option<Given<KeySource>> {
    if let Some(json) = object.json("jwks") {
        let is_set = serde_json::from_str::<JwkSet<'_>>(json).is_ok();
        let parsed = if is_set {
            KeySet::parse(json)
        } else {
            Err(Malformed::because("a JWK set has the member keys, which is a list"))
        };
        return object
            .noted("jwks", parsed, problems)
            .map(|keys| Given::Value(KeySource::Inline(keys)));
    }
    if object.json("jwks_uri").is_some() {
        let uri = object.parsed("jwks_uri", KeySetUri::parse, problems)?;
        return Some(Given::Value(KeySource::Remote(uri)));
    }
    (object.is_given("jwks") || object.is_given("jwks_uri")).then_some(Given::Default)
}

/// Parses the certificate subject of a client.
pub(super) fn tls_subject(
    object: &Object<'_>,
    problems: &mut Problems,
) -> Option<Given<TlsSubject>> {
    let (member, kind) = TLS_SUBJECTS.into_iter().find(|(member, _)| object.is_given(member))?;
    object.nullable(member, |value| TlsSubject::parse(&format!("{kind}={value}")), problems)
}
