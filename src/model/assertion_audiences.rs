//! Extra audiences of a client's assertions, for software that cannot send the issuer.

use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::Malformed;

/// URLs that a client may send as the `aud` of its assertions in addition to the issuer; none by
/// default. Which URLs may be registered depends on the issuer, so the caller checks that.
#[derive(Debug, Clone, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = Vec<String>, description = "URLs that a client may send as the `aud` of its assertions in addition to the issuer.", examples("https://auth.example.com/v1/oauth/token"))]
pub struct AssertionAudiences(Box<[Box<str>]>);

impl AssertionAudiences {
    /// The maximum number of URLs of a client.
    pub const MAX_URLS: usize = 8;

    /// Parses space-separated URLs and drops duplicates.
    ///
    /// # Errors
    /// If an item is not an http or https URL of at most 500 printable ASCII characters, or there
    /// are more than [`Self::MAX_URLS`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut urls: Vec<Box<str>> = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            check(word)?;
            if !urls.iter().any(|known| **known == *word) {
                urls.push(word.into());
            }
        }
        if urls.len() > Self::MAX_URLS {
            return Err(Malformed::because(format!(
                "a client has at most {} assertion audiences",
                Self::MAX_URLS
            )));
        }
        Ok(Self(urls.into()))
    }

    /// Reads stored URLs without validating them again, because they are only compared.
    pub fn stored(text: &str) -> Self {
        Self(text.split_whitespace().map(Box::from).collect())
    }

    /// True if the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if exactly this URL is registered.
    pub fn contains(&self, url: &str) -> bool {
        self.iter().any(|known| known == url)
    }

    /// Returns the URLs.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }
}

fn check(word: &str) -> Result<(), Malformed> {
    let scheme = url::Url::parse(word).ok().map(|url| url.scheme().to_owned());
    let is_url = matches!(scheme.as_deref(), Some("http" | "https"));
    let is_printable = word.len() <= 500 && word.bytes().all(|byte| matches!(byte, 0x21..=0x7E));
    if is_url && is_printable {
        return Ok(());
    }
    Err(Malformed::because(
        "an assertion audience is a URL of at most 500 printable characters, such as \
         https://id.example.com/v1/oauth/token",
    ))
}

impl fmt::Display for AssertionAudiences {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.iter().collect::<Vec<_>>().join(" "))
    }
}

impl Serialize for AssertionAudiences {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_urls_are_removed_and_urls_are_compared_exactly() {
        let text = "https://a.example/token https://a.example/token/ https://a.example/token";
        let audiences = AssertionAudiences::parse(text).expect("audiences");
        assert_eq!(audiences.to_string(), "https://a.example/token https://a.example/token/");
        assert!(audiences.contains("https://a.example/token/"));
        for other in
            ["", "https://a.example", "https://A.example/token", "https://a.example/token//"]
        {
            assert!(!audiences.contains(other), "{other}");
        }
        assert!(AssertionAudiences::parse("").expect("none").is_empty());
    }

    #[test]
    fn what_is_not_a_url_and_too_many_are_rejected() {
        let long = format!("https://a.example/{}", "x".repeat(500));
        let many: Vec<_> = (0..9).map(|n| format!("https://a.example/{n}")).collect();
        for bad in ["/token", "urn:x", "https://", "https://\u{e9}/", &long, &many.join(" ")] {
            assert!(AssertionAudiences::parse(bad).is_err(), "{bad}");
        }
    }
}
