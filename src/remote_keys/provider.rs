//! Metadata and keys of the identity provider of the console (OpenID Connect Discovery).

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::config::ProviderUrl;
use crate::jose::external_jwks::ExternalJwks;
use crate::outbound::ProviderClient;
use crate::telemetry;

/// The maximum length of a URL in metadata, in bytes.
const MAX_URL_BYTES: usize = 2_000;

/// Metadata of a provider.
#[derive(Debug, Clone)]
pub struct ProviderMetadata {
    /// The endpoint at which a person signs in.
    pub authorization_endpoint: Url,
    /// The endpoint at which a code is exchanged.
    pub token_endpoint: Url,
    /// The endpoint for further claims, if the provider has one.
    pub userinfo_endpoint: Option<Url>,
    /// The URL of its keys.
    pub jwks_uri: Url,
    /// The scopes that it lists.
    pub scopes: Vec<String>,
    /// True if the client secret must be sent in the body, because HTTP Basic is not listed.
    pub takes_secret_in_body: bool,
    /// True if each authorization response names the issuer (RFC 9207).
    pub names_issuer_in_response: bool,
}

/// Metadata and keys of a provider, as last fetched.
#[derive(Debug)]
pub struct FetchedProvider {
    /// The metadata of the provider.
    pub metadata: ProviderMetadata,
    /// The keys of the provider.
    pub keys: ExternalJwks,
}

impl FetchedProvider {
    /// Fetches metadata and keys.
    ///
    /// # Errors
    /// A sentence for operators: what cannot be fetched or used.
    pub async fn fetch(client: &ProviderClient, issuer: &ProviderUrl) -> Result<Self, String> {
        let url = issuer.metadata_url();
        let fetched = client.text(&url).await;
        let text = fetched.map_err(|error| problem("its metadata", &url, &error))?;
        let metadata = ProviderMetadata::parse(&text, issuer)?;
        let fetched = client.text(metadata.jwks_uri.as_str()).await;
        let text =
            fetched.map_err(|error| problem("its key set", metadata.jwks_uri.as_str(), &error))?;
        let keys = ExternalJwks::fetched(&text).map_err(|error| error.to_string())?;
        Ok(Self { metadata, keys })
    }
}

fn problem(what: &str, url: &str, error: &dyn std::error::Error) -> String {
    format!("{what} at {url} cannot be fetched: {}", telemetry::with_causes(error))
}

impl ProviderMetadata {
    /// Parses metadata, which must be of exactly this issuer.
    ///
    /// # Errors
    /// A sentence for operators.
    pub fn parse(text: &str, issuer: &ProviderUrl) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
            authorization_endpoint: String,
            token_endpoint: String,
            jwks_uri: String,
            userinfo_endpoint: Option<String>,
            #[serde(default)]
            scopes_supported: Vec<String>,
            token_endpoint_auth_methods_supported: Option<Vec<String>>,
            #[serde(default)]
            authorization_response_iss_parameter_supported: bool,
        }
        // serde would also accept an array for a struct, but metadata must be an object.
        let document: Document = serde_json::from_str::<Map<String, Value>>(text)
            .and_then(|members| serde_json::from_value(Value::Object(members)))
            .map_err(|error| format!("its metadata cannot be read: {error}"))?;
        if document.issuer != issuer.issuer().as_str() {
            return Err(format!(
                "its metadata names the issuer {:?}, and console.oidc.issuer is {:?}",
                document.issuer.chars().take(200).collect::<String>(),
                issuer.issuer().as_str()
            ));
        }
        let url = |name: &str, text: &str| endpoint(issuer, name, text);
        // The default of a provider without a list is HTTP Basic.
        let methods = document.token_endpoint_auth_methods_supported.as_deref();
        let has = |method: &str| methods.unwrap_or_default().iter().any(|known| known == method);
        let userinfo = document.userinfo_endpoint.as_deref();
        Ok(Self {
            authorization_endpoint: url(
                "authorization_endpoint",
                &document.authorization_endpoint,
            )?,
            token_endpoint: url("token_endpoint", &document.token_endpoint)?,
            userinfo_endpoint: userinfo.map(|text| url("userinfo_endpoint", text)).transpose()?,
            jwks_uri: url("jwks_uri", &document.jwks_uri)?,
            scopes: document.scopes_supported,
            takes_secret_in_body: !has("client_secret_basic") && has("client_secret_post"),
            names_issuer_in_response: document.authorization_response_iss_parameter_supported,
        })
    }
}

fn endpoint(issuer: &ProviderUrl, name: &str, text: &str) -> Result<Url, String> {
    let url = ProviderUrl::parse_endpoint(text)
        .filter(|url| url.scheme() == "https" || issuer.is_plain())
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .filter(|url| url.fragment().is_none() && text.len() <= MAX_URL_BYTES);
    url.ok_or_else(|| format!("the {name} of its metadata is not an https URL that can be used"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::jose::hostile_documents;

    const ISSUER: &str = "https://login.example";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://login.example/authorize?tenant=a",
            "token_endpoint": "https://login.example/token",
            "jwks_uri": "https://keys.example/jwks",
        })
    }

    fn parse(document: &Value) -> Result<ProviderMetadata, String> {
        let issuer = ProviderUrl::parse(ISSUER).expect("an issuer");
        ProviderMetadata::parse(&document.to_string(), &issuer)
    }

    #[test]
    fn metadata_of_another_issuer_is_rejected() {
        let metadata = parse(&document()).expect("metadata");
        assert!(!metadata.takes_secret_in_body && !metadata.names_issuer_in_response);
        for issuer in ["https://login.example/", "https://LOGIN.example", "https://x.example", ""] {
            let mut other = document();
            other["issuer"] = issuer.into();
            assert!(parse(&other).is_err_and(|problem| problem.contains("names the issuer")));
        }
    }

    #[test]
    fn endpoints_are_https() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for wrong in [
                "http://login.example/a",
                "http://127.0.0.1/a",
                "javascript:alert(1)",
                "https://a:b@login.example/a",
                "https://login.example/a#b",
                "/a",
            ] {
                let mut other = document();
                other[name] = wrong.into();
                assert!(parse(&other).is_err_and(|problem| problem.contains(name)), "{wrong}");
            }
        }
        let mut plain = document();
        plain["issuer"] = "http://127.0.0.1:1".into();
        plain["token_endpoint"] = "http://127.0.0.1:1/token".into();
        let issuer = ProviderUrl::parse("http://127.0.0.1:1").expect("an issuer");
        assert!(ProviderMetadata::parse(&plain.to_string(), &issuer).is_ok());
    }

    #[test]
    fn the_secret_goes_into_the_body_only_if_basic_is_not_listed() {
        let with = |methods: Value| {
            let mut document = document();
            document["token_endpoint_auth_methods_supported"] = methods;
            parse(&document).expect("metadata").takes_secret_in_body
        };
        assert!(with(json!(["client_secret_post", "private_key_jwt"])));
        assert!(!with(json!(["client_secret_post", "client_secret_basic"])));
        assert!(!with(json!(["private_key_jwt"])));
        assert!(!with(Value::Null));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// No document of a provider makes the parser panic.
        #[test]
        fn any_metadata_is_read_or_an_error(value in hostile_documents::json(), text in ".{0,80}") {
            let _ = parse(&value);
            let mut other = document();
            other["scopes_supported"] = value;
            other["jwks_uri"] = text.into();
            let _ = parse(&other);
        }
    }
}
