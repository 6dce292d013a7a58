//! The URL of a server that commands are sent to.

use std::fmt;

use url::{Host, Url};

use crate::cli::error::CliError;
use crate::cli::remedies::command::ServerRemedy;

/// A URL that credentials may be sent to: https, or http to this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerUrl(Url);

impl ServerUrl {
    /// Parses a URL. `origin` names the option, the variable or another source of the URL.
    ///
    /// # Errors
    /// A usage error unless it is an https URL, or an http URL of a loopback address. Credentials,
    /// a query and a fragment are rejected.
    pub(super) fn parse(origin: &str, text: &str) -> Result<Self, CliError> {
        let rejected = |what: &str| {
            Err(CliError::usage(format!("{origin}: {text:?} {what}"))
                .with_remedy(ServerRemedy::GiveUrl))
        };
        let Ok(url) = Url::parse(text) else { return rejected("is not a URL") };
        if !url.username().is_empty() || url.password().is_some() {
            // The text is not repeated, because it contains a password.
            return Err(CliError::usage(format!("{origin}: the URL contains credentials"))
                .with_remedy(ServerRemedy::GiveUrl));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return rejected("has a query or a fragment");
        }
        match url.scheme() {
            "https" if url.host().is_some() => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            "http" => rejected("is http to another machine, where others could read the secret"),
            _ => rejected("is not an https URL"),
        }
    }

    /// Appends a path with an optional query to this URL.
    pub(super) fn join(&self, target: &str) -> Result<Url, CliError> {
        let text = format!("{}{target}", self.0.as_str().trim_end_matches('/'));
        Url::parse(&text).map_err(|_| CliError::usage(format!("{text:?} is not a URL")))
    }

    /// Returns the URL of the metadata of this URL. The well-known path is inserted between host
    /// and path (RFC 8414, section 3.1; RFC 9728, section 3.1).
    pub(super) fn well_known(&self, name: &str) -> Url {
        let mut url = self.0.clone();
        let path = format!("/.well-known/{name}{}", self.0.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    /// Returns the URL in the form of an issuer, without a slash at the end.
    pub(super) fn as_issuer(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_issuer())
    }
}

/// True if the host of a URL is this host.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_that_protects_a_secret_is_taken() {
        for text in [
            "https://id.example.com:8081",
            "https://id.example.com/tokend/",
            "http://127.0.0.1:8081",
            "http://[::1]:8081",
            "http://localhost:8081",
        ] {
            assert!(ServerUrl::parse("--server", text).is_ok(), "{text}");
        }
        for text in [
            "http://id.example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1:8081",
            "ftp://127.0.0.1",
            "https://",
            "id.example.com",
            "https://id.example.com?x=1",
            "https://id.example.com#x",
            "",
        ] {
            let error = ServerUrl::parse("--server", text).expect_err(text);
            assert_eq!(error.exit_code(), 2, "{text}");
        }
        let error = ServerUrl::parse("--server", "https://a:hunter2@id.example.com");
        let error = error.expect_err("credentials").as_text();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn paths_and_metadata_are_below_the_url() {
        let url = |text| ServerUrl::parse("--server", text).expect("a URL");
        let plain = url("https://id.example.com:8081/");
        assert_eq!(
            plain.join("/v1/clients/a%2Fb?limit=1").expect("a URL").as_str(),
            "https://id.example.com:8081/v1/clients/a%2Fb?limit=1"
        );
        assert_eq!(
            plain.well_known("oauth-protected-resource").as_str(),
            "https://id.example.com:8081/.well-known/oauth-protected-resource"
        );
        let below = url("https://id.example.com/tenant");
        assert_eq!(
            below.join("/v1/server").expect("a URL").as_str(),
            "https://id.example.com/tenant/v1/server"
        );
        assert_eq!(
            below.well_known("oauth-authorization-server").as_str(),
            "https://id.example.com/.well-known/oauth-authorization-server/tenant"
        );
    }
}
