//! Resources: the APIs that tokens are for (RFC 8707).

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
    /// The longest identifier, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// This server itself as a resource: its scopes are what a client may do with the server.
    pub const SERVER: &str = "urn:tokend";

    /// Checks an identifier such as `https://orders.example.com` or `urn:example:orders`.
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

    /// True for this server itself as a resource, which is always there.
    pub fn is_built_in(&self) -> bool {
        *self.0 == *Self::SERVER
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which a lenient verifier compares identifiers (RFC 3986, section 6.2): scheme and
    /// host in lower case, without the default port, without one slash at the end. The namespace of
    /// a URN has no case either (RFC 8141, section 3.1). Tokens have the identifier as it is.
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

/// What the tokens of a resource were signed with before it had its present algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedBefore {
    /// There were none: the resource is new, and no API has verified a token for it. A key of its
    /// algorithm signs for it as soon as it is published.
    Never,
    /// What the server says.
    Server,
    /// An algorithm of its own.
    Own(Algorithm),
}

/// The `typ` in the header of a resource's tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenTyp {
    /// `at+jwt`: a verifier can tell an access token from every other JWT (RFC 9068, section 2.1).
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
    /// Reads the `typ` as a header has it, in any case (RFC 7515, section 4.1.9).
    ///
    /// # Errors
    /// If it is neither of the two.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        [Self::AtJwt, Self::Jwt]
            .into_iter()
            .find(|typ| typ.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| Malformed::because("the typ of a token is at+jwt or JWT"))
    }

    /// The `typ` as the header of a token has it.
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
    /// The longest description, in characters.
    pub const MAX_DESCRIPTION_CHARS: usize = 200;

    /// Reads `orders:read` or `orders:read=Read all orders`.
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

/// An API that tokens can be made for.
#[derive(Debug, Clone, Serialize)]
pub struct Resource {
    /// Its identifier, the audience of its tokens.
    pub resource: ResourceId,
    /// The scopes it offers, in alphabetical order.
    pub scopes: Vec<ResourceScope>,
    /// How long tokens for it live, if not as long as the server says.
    pub token_lifetime: Option<Lifetime>,
    /// The algorithm its tokens are signed with, if not the server's.
    pub signing_algorithm: Option<Algorithm>,
    /// What they are signed with until a key of that algorithm signs.
    #[serde(skip)]
    pub signed_before: SignedBefore,
    /// The `typ` of its tokens.
    pub token_typ: TokenTyp,
    /// What people and policies know of it.
    #[serde(flatten)]
    pub facts: Facts,
    /// Where it is declared, if it is applied from a source.
    pub source: Option<SourceName>,
    /// When it was registered. A built-in resource was not.
    #[serde(serialize_with = "unless_zero")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(serialize_with = "unless_zero")]
    pub updated_at: Timestamp,
}

/// Writes a time, or null for what is there without having been made at any.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn unless_zero<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    (time.0 != 0).then_some(time).serialize(serializer)
}

impl Resource {
    /// The names of the scopes it offers.
    pub fn scope_names(&self) -> Scopes {
        self.scopes.iter().map(|scope| scope.name.clone()).collect()
    }

    /// True if a token of that `typ` can be one for this resource. `at+jwt` always can, because
    /// tokens from before a change stay valid. `JWT` never can for this server itself.
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
