//! Receivers of notifications and the secrets that sign for them (Standard Webhooks).

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::model::Malformed;
use crate::model::security::https_url;

/// The prefix of a secret in its text form.
const SECRET_PREFIX: &str = "whsec_";

/// The length of a secret, in bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The address of a receiver: an absolute https URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl(Box<str>);

impl WebhookUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// If it is not an https URL of at most 500 printable characters, or has a user, a password or
    /// a fragment.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        https_url("a webhook", text).map(Self)
    }

    /// Returns the URL as text. Its path may contain a secret of the receiver.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the host and port, for the log.
    pub fn authority(&self) -> String {
        let url = url::Url::parse(&self.0).ok();
        url.map(|url| url.authority().to_owned()).unwrap_or_default()
    }
}

/// The key that signs requests to a receiver.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret")
    }
}

impl WebhookSecret {
    /// Parses `whsec_` followed by 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// Says what a secret must be, without quoting the text.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let encoded = text.strip_prefix(SECRET_PREFIX);
        let bytes = encoded.and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
        let bytes = bytes.map(Zeroizing::new).filter(|bytes| SECRET_BYTES.contains(&bytes.len()));
        bytes
            .map(Self)
            .ok_or_else(|| Malformed::because("is not whsec_ followed by 24 to 64 bytes in base64"))
    }

    /// Returns the key bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_its_prefix_and_enough_bytes() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(secret.expect("a secret").bytes().len(), 24);
        let long = format!("whsec_{}", BASE64_STANDARD.encode([0; 65]));
        for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", &long] {
            let error = WebhookSecret::parse(text).expect_err("rejected").to_string();
            assert!(text.len() < 10 || !error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_webhook_is_an_https_url_and_the_log_has_its_host_only() {
        let url = WebhookUrl::parse("https://hooks.example.com:8443/a/b?c").expect("a URL");
        assert_eq!(url.authority(), "hooks.example.com:8443");
        for text in ["", "http://a.example/", "https://u:p@a.example/", "https://a.example/#f"] {
            assert!(WebhookUrl::parse(text).is_err(), "{text}");
        }
    }
}
