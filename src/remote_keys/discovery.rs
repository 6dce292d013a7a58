//! Fetches a remote key set, and the metadata of an issuer that names its URL.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::jose::external_jwks::ExternalJwks;
use crate::model::security::KeySetUri;
use crate::model::trust::ExternalIssuer;
use crate::outbound::Fetcher;
use crate::remote_keys::RemoteSource;
use crate::telemetry;

/// Fetches a key set from its source.
///
/// # Errors
/// A sentence for operators: why the set, or the metadata that names it, cannot be used.
pub async fn fetch_keys(fetcher: &Fetcher, source: &RemoteSource) -> Result<ExternalJwks, String> {
    let text = match source {
        RemoteSource::KeySet(uri) | RemoteSource::Bundle(uri) => fetcher.text(uri.as_str()).await,
        RemoteSource::Discovered(issuer) => {
            fetcher.text(discover(fetcher, issuer).await?.as_str()).await
        }
    };
    let text = text.map_err(|error| telemetry::with_causes(&error))?;
    let keys = match source {
        RemoteSource::Bundle(_) => ExternalJwks::bundle(&text),
        RemoteSource::KeySet(_) | RemoteSource::Discovered(_) => ExternalJwks::fetched(&text),
    };
    keys.map_err(|error| error.to_string())
}

async fn discover(fetcher: &Fetcher, issuer: &ExternalIssuer) -> Result<KeySetUri, String> {
    let url = issuer.discovery_url().ok_or("its metadata cannot be at a URL that is not https")?;
    let text = fetcher.text(&url).await.map_err(|error| telemetry::with_causes(&error))?;
    discovered_uri(&text, issuer)
}

/// Parses the URL of an issuer's keys from its metadata (OpenID Connect Discovery, section 4).
///
/// The URL must be one that an operator could register: https, without user and password.
///
/// # Errors
/// A sentence for operators: what the metadata lacks, or that it belongs to another issuer.
pub fn discovered_uri(text: &str, issuer: &ExternalIssuer) -> Result<KeySetUri, String> {
    #[derive(Deserialize)]
    struct IssuerMetadata {
        issuer: String,
        jwks_uri: String,
    }
    // serde would also accept an array for a struct, but metadata must be an object.
    let metadata: IssuerMetadata = serde_json::from_str::<Map<String, Value>>(text)
        .and_then(|members| serde_json::from_value(Value::Object(members)))
        .map_err(|_| "its metadata is not a JSON object with issuer and jwks_uri")?;
    if metadata.issuer != issuer.as_str() {
        return Err("its metadata is of another issuer".to_owned());
    }
    KeySetUri::parse(&metadata.jwks_uri)
        .map_err(|malformed| format!("its metadata cannot be used: {malformed}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jose::hostile_documents;

    const ISSUER: &str = "https://ci.example";

    fn uri(text: &str) -> Result<String, String> {
        let issuer = ExternalIssuer::parse(ISSUER).expect("an issuer");
        discovered_uri(text, &issuer).map(|uri| uri.as_str().to_owned())
    }

    fn metadata(jwks_uri: &str) -> String {
        serde_json::json!({ "issuer": ISSUER, "jwks_uri": jwks_uri, "more": [1] }).to_string()
    }

    /// S-16: a URL in metadata must follow the rules for a URL that an operator registers.
    #[test]
    fn a_discovered_url_is_one_that_could_be_registered() {
        assert_eq!(
            uri(&metadata("https://keys.example/a?b=c")),
            Ok("https://keys.example/a?b=c".into())
        );
        for bad in [
            "http://keys.example/",
            "https://user:password@keys.example/",
            "https://user@keys.example/",
            "https://keys.example/#part",
            "https://keys.example/with space",
            "/jwks",
            "file:///etc/passwd",
            "",
        ] {
            assert!(uri(&metadata(bad)).is_err(), "{bad}");
        }
        assert!(uri(&metadata(&format!("https://a.example/{}", "x".repeat(500)))).is_err());
    }

    #[test]
    fn metadata_that_is_not_an_object_of_the_issuer_is_an_error() {
        for text in
            ["", "[]", "\"busy\"", "1", "true", "null", "{}", "{\"issuer\":1,\"jwks_uri\":2}"]
        {
            assert!(uri(text).is_err(), "{text}");
        }
        let list = serde_json::json!([ISSUER, "https://keys.example/"]).to_string();
        assert!(uri(&list).is_err());
        let other = serde_json::json!({ "issuer": "https://x", "jwks_uri": "https://x/" });
        assert!(uri(&other.to_string()).is_err_and(|problem| problem.contains("another issuer")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// No remote document makes the parser panic.
        #[test]
        fn any_metadata_is_read_or_an_error(value in hostile_documents::json(), text in ".{0,80}") {
            let _ = uri(&value.to_string());
            let _ = uri(&metadata(&text));
            let members = serde_json::json!({ "issuer": ISSUER, "jwks_uri": value });
            let _ = uri(&members.to_string());
        }
    }
}
