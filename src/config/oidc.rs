//! The identity provider of the console.

use secrecy::SecretString;
use url::Url;

use crate::config::parse::{ValueProblem, is_loopback};
use crate::model::group_mapping::GroupMapping;
use crate::model::trust::ExternalIssuer;

/// The path of the metadata of an issuer (OpenID Connect Discovery, section 4).
const METADATA_PATH: &str = "/.well-known/openid-configuration";

/// The identity provider for signing in to the console.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// The provider.
    pub issuer: ProviderUrl,
    /// The client id of tokend at the provider.
    pub client_id: String,
    /// The client secret of tokend at the provider.
    pub client_secret: SecretString,
    /// The scopes to request. If empty, tokend requests those that the provider supports for
    /// groups.
    pub scopes: Vec<String>,
    /// The claim with the groups.
    pub groups_claim: String,
    /// The roles of the groups, as configured at the start.
    pub groups: GroupMapping,
}

/// The URL of an identity provider: https, or http for a loopback host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderUrl {
    issuer: ExternalIssuer,
    url: Url,
}

impl ProviderUrl {
    /// Parses the issuer and keeps it unchanged, because providers differ in the trailing slash.
    ///
    /// # Errors
    /// Returns the problem and its remedy.
    pub fn parse(text: &str) -> Result<Self, (ValueProblem, &'static str)> {
        let url = Url::parse(text).map_err(|_| ("is not a URL".to_owned(), WRITE_URL))?;
        if url.query().is_some() || url.fragment().is_some() || text.contains(['?', '#']) {
            return Err(("has a query or a fragment".to_owned(), WRITE_URL));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(("contains credentials".to_owned(), "leave them out"));
        }
        if text.ends_with(METADATA_PATH) {
            let problem = "is the URL of the metadata".to_owned();
            return Err((problem, "write the member issuer of that document"));
        }
        let issuer = ExternalIssuer::parse(text).map_err(|problem| (problem.0, WRITE_URL))?;
        let parsed = Self { issuer, url };
        match parsed.url.scheme() {
            "https" => Ok(parsed),
            "http" if parsed.is_loopback() => Ok(parsed),
            _ => Err(("must be https".to_owned(), "http is for loopback hosts only")),
        }
    }

    /// Parses an endpoint URL of a provider without TLS: https, or http for a loopback host.
    pub fn parse_endpoint(text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let is_plain = url.scheme() == "http" && is_loopback(&url);
        (is_plain || url.scheme() == "https").then_some(url)
    }

    /// Returns the issuer, as in the ID tokens of the provider.
    pub fn issuer(&self) -> &ExternalIssuer {
        &self.issuer
    }

    /// Returns the host, for display.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// True for a provider on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// True for a provider without TLS, which must be on this machine.
    pub fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// Returns the URL of the metadata.
    pub fn metadata_url(&self) -> String {
        format!("{}{METADATA_PATH}", self.issuer.as_str().trim_end_matches('/'))
    }
}

const WRITE_URL: &str = "write it as the provider does, such as https://login.example.com";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_keeps_its_text_and_has_a_metadata_url() {
        for (text, metadata) in [
            ("https://a.example", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/", "https://a.example/.well-known/openid-configuration"),
            (
                "https://a.example/t/v2.0",
                "https://a.example/t/v2.0/.well-known/openid-configuration",
            ),
            ("http://127.0.0.1:3", "http://127.0.0.1:3/.well-known/openid-configuration"),
            ("http://localhost:3", "http://localhost:3/.well-known/openid-configuration"),
        ] {
            let url = ProviderUrl::parse(text).expect(text);
            assert_eq!((url.issuer().as_str(), &*url.metadata_url()), (text, metadata));
            assert_eq!(url.is_plain(), text.starts_with("http:"));
        }
        for (text, word) in [
            ("login.example.com", "not a URL"),
            ("http://login.example.com", "https"),
            ("http://localhost.example.com", "https"),
            ("https://a:b@a.example", "credentials"),
            ("https://a.example?b=c", "query"),
            ("https://a.example/.well-known/openid-configuration", "metadata"),
        ] {
            let (problem, _) = ProviderUrl::parse(text).expect_err(text);
            assert!(problem.contains(word), "{text}: {problem}");
        }
    }
}
