//! The metadata of a trusted issuer (OpenID Connect Discovery). The first line of an input is the
//! issuer, the rest the document.

use serde_json::Value;
use url::Url;

use super::input::{first_line, text};
use super::subject::{ExternalIssuer, KeySetUri, discovered_uri};

/// Reads the document as the metadata of the issuer.
pub fn fuzz(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (issuer, document) = first_line(text);
    let Ok(issuer) = ExternalIssuer::parse(issuer) else { return };
    if let Some(url) = issuer.discovery_url() {
        let url = Url::parse(&url).expect("a URL");
        assert_eq!(url.scheme(), "https");
        assert!(url.path().ends_with("/.well-known/openid-configuration"), "{url}");
        assert!(url.query().is_none() && url.fragment().is_none(), "{url}");
    }
    let Ok(uri) = discovered_uri(document, &issuer) else { return };
    let metadata: Value = serde_json::from_str(document).expect("JSON");
    assert!(metadata.is_object(), "only an object is metadata");
    assert_eq!(metadata["issuer"], issuer.as_str(), "the metadata of another issuer");
    // It is fetched unchanged, and an operator could register it.
    assert_eq!(metadata["jwks_uri"], uri.as_str());
    assert!(KeySetUri::parse(uri.as_str()).is_ok());
    let url = Url::parse(uri.as_str()).expect("a URL");
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none(), "{url}");
}
