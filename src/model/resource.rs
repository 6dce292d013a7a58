//! Resources: the APIs for which tokens are issued (RFC 8707).

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::model::facts::Facts;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::signing_key::Algorithm;
use crate::model::source::SourceName;
use crate::model::time::{Lifetime, Timestamp};
use crate::text::schema::text_schema;

/// The identifier of a resource: an absolute URI without a fragment (RFC 8707, section 2). It is
/// compared exactly and becomes the `aud` of tokens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(Arc<str>);

text_schema!(
    ResourceId,
    "The identifier of a resource: an absolute URI without a fragment. It is the `aud` of its tokens.",
    format(Some(utoipa::openapi::SchemaFormat::Custom("uri".to_owned()))),
    max_length(Some(Self::MAX_BYTES)),
    examples(["https://orders.example.com"]),
);

impl ResourceId {
    /// The maximum length of an identifier, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// This server as a resource. Its scopes define what a client may do on this server.
    pub const SERVER: &str = "urn:tokend";

    /// Parses an identifier such as `https://orders.example.com` or `urn:example:orders`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(Malformed::because(format!(
                "a resource identifier is 1 to {} characters long",
                Self::MAX_BYTES
            )));
        }
        if !text.bytes().all(|byte| matches!(byte, 0x21..=0x7E) && !matches!(byte, b'"' | b'\\')) {
            return Err(Malformed::because(
                "a resource identifier is printable ASCII without space, quote and backslash",
            ));
        }
        if text.contains('#') {
            return Err(Malformed::because("a resource identifier has no fragment (#)"));
        }
        let parsed = url::Url::parse(text).map_err(|_| {
            Malformed::because(
                "a resource identifier is an absolute URI, such as https://orders.example.com",
            )
        })?;
        if matches!(parsed.scheme(), "http" | "https") && !text.contains("://") {
            return Err(Malformed::because("an https identifier has // after the colon"));
        }
        Ok(Self(text.into()))
    }

    /// True for this server as a resource, which always exists.
    pub fn is_built_in(&self) -> bool {
        *self.0 == *Self::SERVER
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the form in which a lenient verifier compares identifiers (RFC 3986, section 6.2).
    /// Scheme and host are in lower case; the default port and one trailing slash are removed. The
    /// namespace of a URN is case-insensitive too (RFC 8141, section 3.1). Tokens contain the
    /// original identifier.
    pub fn normal_form(&self) -> String {
        let Ok(mut url) = url::Url::parse(&self.0) else { return self.0.to_string() };
        if url.scheme() == "urn" {
            let path = url.path();
            let (namespace, rest) = path.split_at(path.find(':').unwrap_or(path.len()));
            let path = format!("{}{rest}", namespace.to_ascii_lowercase());
            url.set_path(&path);
        }
        let text = url.as_str();
        text.strip_suffix('/').unwrap_or(text).to_owned()
    }
}

impl std::borrow::Borrow<str> for ResourceId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for ResourceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The algorithm that signed a resource's tokens before its current one was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedBefore {
    /// None: the resource is new, so no API has verified tokens for it. A key of its algorithm may
    /// sign for it as soon as it is published.
    Never,
    /// The default algorithm of the server.
    Server,
    /// An algorithm of the resource.
    Own(Algorithm),
}

/// The `typ` header of tokens for a resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenTyp {
    /// `at+jwt`: lets verifiers distinguish access tokens from all other JWTs (RFC 9068, section
    /// 2.1).
    #[default]
    AtJwt,
    /// `JWT`: for verifiers that reject `at+jwt`.
    Jwt,
}

text_schema!(
    TokenTyp,
    "The `typ` in the header of the tokens of a resource.",
    enum_values(Some([Self::AtJwt, Self::Jwt].map(Self::as_str))),
);

impl TokenTyp {
    /// Parses a `typ` header, ignoring case (RFC 7515, section 4.1.9).
    ///
    /// # Errors
    /// If it is neither `at+jwt` nor `JWT`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        [Self::AtJwt, Self::Jwt]
            .into_iter()
            .find(|typ| typ.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| Malformed::because("the typ of a token is at+jwt or JWT"))
    }

    /// Returns the value of the `typ` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtJwt => "at+jwt",
            Self::Jwt => "JWT",
        }
    }
}

impl Serialize for TokenTyp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One scope that a resource offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ResourceScope {
    /// The scope itself.
    pub name: ScopeName,
    /// What it opens, for people; may be empty.
    pub description: String,
}

impl ResourceScope {
    /// The maximum length of a description, in characters.
    pub const MAX_DESCRIPTION_CHARS: usize = 200;

    /// Parses `orders:read` or `orders:read=Read all orders`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (name, description) = text.split_once('=').unwrap_or((text, ""));
        if description.chars().count() > Self::MAX_DESCRIPTION_CHARS
            || description.chars().any(char::is_control)
        {
            return Err(Malformed::because(
                "a description is at most 200 characters long, without control characters",
            ));
        }
        Ok(Self { name: ScopeName::parse(name)?, description: description.to_owned() })
    }
}

/// An API for which tokens can be issued.
#[derive(Debug, Clone, Serialize)]
pub struct Resource {
    /// The identifier, which is the audience of tokens.
    pub resource: ResourceId,
    /// The offered scopes, in alphabetical order.
    pub scopes: Vec<ResourceScope>,
    /// The lifetime of tokens; `None` uses that of the server.
    pub token_lifetime: Option<Lifetime>,
    /// The signature algorithm of tokens; `None` uses that of the server.
    pub signing_algorithm: Option<Algorithm>,
    /// The algorithm that signs tokens until a key of `signing_algorithm` signs.
    #[serde(skip)]
    pub signed_before: SignedBefore,
    /// The `typ` header of tokens.
    pub token_typ: TokenTyp,
    /// The facts for people and policies, such as the owner.
    #[serde(flatten)]
    pub facts: Facts,
    /// The source that declares the resource, if any.
    pub source: Option<SourceName>,
    /// The time of the registration; 0 for the built-in resource.
    #[serde(serialize_with = "unless_zero")]
    pub created_at: Timestamp,
    /// The time of the last change; 0 for the built-in resource.
    #[serde(serialize_with = "unless_zero")]
    pub updated_at: Timestamp,
}

/// Serializes a time, or null for 0.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn unless_zero<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    (time.0 != 0).then_some(time).serialize(serializer)
}

impl Resource {
    /// Returns the names of the offered scopes.
    pub fn scope_names(&self) -> Scopes {
        self.scopes.iter().map(|scope| scope.name.clone()).collect()
    }

    /// True if a token with this `typ` may be for this resource. `at+jwt` is always accepted,
    /// because tokens from before a change stay valid. `JWT` is never accepted for this server
    /// itself.
    pub fn admits(&self, typ: TokenTyp) -> bool {
        typ == TokenTyp::AtJwt || (self.token_typ == typ && !self.resource.is_built_in())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8707, section 2 (C-160).
    #[test]
    fn identifiers_that_mean_the_same_have_one_normal_form() {
        let normal = |text: &str| ResourceId::parse(text).expect("an identifier").normal_form();
        for same in [
            "https://shop.example/",
            "https://SHOP.example",
            "HTTPS://shop.example:443",
            "https://shop.example:443/",
            "https://@shop.example",
            "https://shop.example/a/..",
            "https://%73hop.example",
        ] {
            assert_eq!(normal(same), normal("https://shop.example"), "{same}");
        }
        assert_eq!(normal("https://a.example/x/"), normal("https://a.example/x"));
        assert_eq!(normal("URN:tokend"), ResourceId::SERVER);
        assert_eq!(normal("urn:TOKEND"), ResourceId::SERVER);
        assert_eq!(normal("urn:Example:A"), normal("URN:example:A"));
        for (one, other) in [
            ("https://shop.example", "https://shop.example:8443"),
            ("https://shop.example", "http://shop.example"),
            ("https://shop.example/a", "https://shop.example/A"),
            ("https://shop.example/a", "https://shop.example/a//"),
            ("https://shop.example?a", "https://shop.example?b"),
            ("urn:example:A", "urn:example:a"),
        ] {
            assert_ne!(normal(one), normal(other), "{one} {other}");
        }
    }

    #[test]
    fn an_identifier_is_an_absolute_uri_without_fragment() {
        for text in ["https://api.example.com", "https://a.example/b?c=d", "urn:example:orders"] {
            assert!(ResourceId::parse(text).is_ok(), "{text:?} was rejected");
        }
        for text in ["", "orders", "/orders", "https://a.example/#x", "https:a", "https://a b"] {
            assert!(ResourceId::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
