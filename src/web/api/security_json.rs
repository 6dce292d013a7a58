//! Parsing of client credentials other than secrets. The member names come from client registration
//! (RFC 7591, RFC 8705).

use serde_json::Value;

use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::security::{KeySet, KeySetUri, KeySource, TlsSubject};
use crate::web::api::Problem;
use crate::web::api::json::at;

/// Parses the public keys of a client from a key set or its URL.
pub(super) fn keys(
    jwks: Option<Value>,
    jwks_uri: Option<String>,
) -> Result<Option<KeySource>, Problem> {
    match (jwks, jwks_uri) {
        (Some(_), Some(_)) => {
            let text = "a client has jwks or jwks_uri, not both";
            Err(Problem::member("/jwks_uri".to_owned(), text))
        }
        (Some(set), None) => {
            Ok(Some(KeySource::Inline(at("/jwks", KeySet::parse(&set.to_string()))?)))
        }
        (None, Some(uri)) => Ok(Some(KeySource::Remote(at("/jwks_uri", KeySetUri::parse(&uri))?))),
        (None, None) => Ok(None),
    }
}

/// Parses the certificate subject of a client. At most one kind may be given.
pub(super) fn tls_subject(
    kinds: [(&str, Option<String>); 5],
) -> Result<Option<TlsSubject>, Problem> {
    let mut given = kinds.into_iter().filter_map(|(kind, value)| Some((kind, value?)));
    let Some((kind, value)) = given.next() else { return Ok(None) };
    if let Some((other, _)) = given.next() {
        let text = "a certificate has one subject";
        return Err(Problem::member(format!("/tls_client_auth_{other}"), text));
    }
    let pointer = format!("/tls_client_auth_{kind}");
    at(&pointer, TlsSubject::parse(&format!("{kind}={value}"))).map(Some)
}

/// Parses the additional `aud` values that assertions may have.
pub(super) fn audiences(urls: &[String]) -> Result<AssertionAudiences, Problem> {
    if urls.is_empty() {
        return Ok(AssertionAudiences::default());
    }
    at("/assertion_audiences", AssertionAudiences::parse(&urls.join(" ")))
}
