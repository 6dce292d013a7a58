//! Clients: the machines that request tokens.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::model::client_settings::ClientTokenSettings;
use crate::model::facts::Facts;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
pub use crate::model::registration::Registration;
use crate::model::source::SourceName;
use crate::model::time::Timestamp;
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// The identifier of a client: opaque text, generated or from another system (RFC 6749, section
/// 2.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

text_schema!(
    ClientId,
    "The identifier of a client.",
    pattern(Some(r"^[!-~]([ -~]{0,254}[!-~])?$")),
    examples(["acme"]),
);

impl ClientId {
    /// The maximum length of an identifier, in bytes.
    pub const MAX_LENGTH: usize = 256;

    /// Parses an identifier: printable ASCII (RFC 6749, appendix A.1), at most [`Self::MAX_LENGTH`]
    /// bytes, without leading or trailing spaces. Inner spaces were allowed in earlier releases, so
    /// stored identifiers with them remain valid.
    ///
    /// # Errors
    /// If the text breaks one of these rules.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            return Err(Malformed::because(format!(
                "a client id is 1 to {} characters long; this one has {}",
                Self::MAX_LENGTH,
                text.chars().count()
            )));
        }
        if let Some(other) = text.chars().find(|c| !matches!(c, ' '..='~')) {
            return Err(Malformed::because(format!(
                "a client id is printable ASCII; '{}' is not",
                other.escape_debug()
            )));
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(Malformed::because("a client id does not begin or end with a space"));
        }
        Ok(Self(text.into()))
    }

    /// Parses the identifier of a new client. In addition to the rules of [`Self::parse`], it must
    /// not contain spaces, which break log lines, URLs and shell commands.
    ///
    /// # Errors
    /// If the text breaks one of these rules.
    pub fn parse_new(text: &str) -> Result<Self, Malformed> {
        if !text.is_empty() && text.contains(' ') {
            return Err(Malformed::because(
                "a client id has no space; use a hyphen or an underscore instead",
            ));
        }
        // As a path segment it would change the URL (RFC 3986, section 5.2.4).
        if matches!(text, "." | "..") {
            return Err(Malformed::because(
                "a client id is not . or .., which mean a directory in a URL",
            ));
        }
        Self::parse(text)
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

text_newtype!(ClientId);

/// The display name of a client: 1 to 100 characters, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientName(String);

text_schema!(
    ClientName,
    "The name of a client for people, without control characters.",
    min_length(Some(1)),
    max_length(Some(Self::MAX_LENGTH)),
    examples(["Acme billing"]),
);

impl ClientName {
    /// The maximum length of a name, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// Returns the default name of a client: its identifier. A longer one is truncated and ends
    /// with an ellipsis.
    pub fn of_id(id: &ClientId) -> Self {
        let text = id.as_str();
        match text.get(..Self::MAX_LENGTH - 1) {
            Some(start) if text.len() > Self::MAX_LENGTH => Self(format!("{start}…")),
            _ => Self(text.to_owned()),
        }
    }

    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let length = text.chars().count();
        if !(1..=Self::MAX_LENGTH).contains(&length) || text.chars().any(char::is_control) {
            return Err(Malformed::because(
                "a name is 1 to 100 characters long, without control characters",
            ));
        }
        if text.trim().is_empty() {
            return Err(Malformed::because("a name is more than spaces"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Reads a stored name, whatever rules applied when it was accepted. Control characters could
    /// change an operator's terminal, so they become U+FFFD.
    pub fn stored(text: &str) -> Self {
        Self(text.replace(char::is_control, "\u{fffd}"))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a client may get tokens at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientState {
    /// It may.
    Active,
    /// It may not, until it is enabled again.
    Disabled,
}

impl ClientState {
    /// Parses the stored text of a state.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match text {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            _ => Err(Malformed::because("a client is active or disabled")),
        }
    }

    /// Returns the stored text, which is also shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// The assertion type of RFC 7523, section 2.2.
pub const JWT_BEARER_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The assertion type of a JWT-SVID (draft-ietf-oauth-spiffe-client-auth-02, section 3.1).
pub const JWT_SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/// A method of client authentication (RFC 8414, `token_endpoint_auth_methods_supported`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticationMethod {
    /// The secret in the `Authorization: Basic` header.
    ClientSecretBasic,
    /// The secret in the body.
    ClientSecretPost,
    /// An assertion signed with a key of the client's own (RFC 7523).
    PrivateKeyJwt,
    /// A JWT-SVID of a trusted SPIFFE trust domain (draft-ietf-oauth-spiffe-client-auth-02,
    /// section 4).
    SpiffeJwt,
    /// A certificate of a trusted root, with the registered subject (RFC 8705, section 2.1).
    TlsClientAuth,
    /// A certificate that is registered itself (RFC 8705, section 2.2).
    SelfSignedTlsClientAuth,
}

impl AuthenticationMethod {
    /// All methods that this server supports.
    pub const ALL: [Self; 6] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
        Self::SpiffeJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
    ];

    /// The methods that use a client secret: the default of a client.
    pub const BY_SECRET: [Self; 2] = [Self::ClientSecretBasic, Self::ClientSecretPost];

    /// True for a method that uses a client certificate (RFC 8705, section 2).
    pub fn is_by_certificate(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }

    /// Parses the registered name of a method.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Malformed::because(format!("a method is one of {names}"))
        })
    }

    /// Returns the registered name of the method.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::SpiffeJwt => "spiffe_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
        }
    }
}

/// A grant type that a client may be registered for (RFC 7591, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GrantType {
    /// RFC 6749, section 4.4: the default grant type.
    ClientCredentials,
    /// RFC 7523, section 2.1: exchanges a token of a trusted issuer for an access token.
    JwtBearer,
    /// A registered type that this server does not support. Clients keep it, so that registrations
    /// of other systems survive an import, but it never yields a token.
    NotOffered(Box<str>),
}

text_schema!(
    GrantType,
    "A grant type: `client_credentials`, the URI of RFC 7523, or another registered one that a client of another system has.",
    examples(["client_credentials", Self::JWT_BEARER]),
);

impl GrantType {
    /// The registered name of the grant type of RFC 7523.
    pub const JWT_BEARER: &'static str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

    /// The grant types of RFC 6749 for which other servers register clients.
    const FOREIGN: [&'static str; 4] =
        ["authorization_code", "implicit", "password", "refresh_token"];

    /// Parses a grant type: a name of RFC 6749, or the absolute URI of an extension grant (section
    /// 4.5).
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match text {
            "client_credentials" => return Ok(Self::ClientCredentials),
            Self::JWT_BEARER => return Ok(Self::JwtBearer),
            _ => {}
        }
        let is_uri = url::Url::parse(text).is_ok() && !text.contains(char::is_whitespace);
        if Self::FOREIGN.contains(&text) || (is_uri && text.len() <= 200 && text.is_ascii()) {
            return Ok(Self::NotOffered(text.into()));
        }
        Err(Malformed::because(
            "a grant type is client_credentials or the URI of an extension grant",
        ))
    }

    /// Reads a stored grant type. A type that [`Self::parse`] does not know yields no token.
    pub fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self::NotOffered(text.into()))
    }

    /// Returns the grant type as it appears in requests.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => Self::JWT_BEARER,
            Self::NotOffered(name) => name,
        }
    }
}

impl Serialize for GrantType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A registered client, without its secrets and grants.
#[derive(Debug, Clone, Serialize)]
pub struct Client {
    /// The settings that token requests need.
    #[serde(flatten)]
    pub token: ClientTokenSettings,
    /// The display name.
    pub name: ClientName,
    /// The action for a secret of this client that is reported as leaked.
    pub leak_policy: LeakPolicy,
    /// The facts for people and policies, such as the owner.
    #[serde(flatten)]
    pub facts: Facts,
    /// The owners whose objects the client may administer: empty means none, `None` means all. This
    /// only limits the rights from the scopes of
    /// [`AdminScope`](crate::model::admin_scope::AdminScope).
    pub admin_of: Option<BTreeSet<Owner>>,
    /// The source that declares the client, if any.
    pub source: Option<SourceName>,
    /// The time of the registration.
    pub created_at: Timestamp,
    /// The time of the last change of the client's own fields.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// K-06 and C-42: ids of other systems are opaque text: numbers, UUIDs, URLs and URNs.
    #[test]
    fn ids_of_other_systems_are_accepted_and_unusable_ones_rejected() {
        let long = "a".repeat(256);
        for id in [
            "7590139168389961",
            "2f1c0c8e-8f0e-4a57-9d3c-0d0c8a1d9b11",
            "cl_x",
            "svc:a",
            "https://agent.example.com/client.json",
            "spiffe://example.org/worker",
            &long,
        ] {
            assert!(ClientId::parse_new(id).is_ok(), "{id:?} was rejected");
            assert!(ClientId::parse(id).is_ok(), "{id:?} was rejected");
        }
        for id in ["", "é", "a\nb", " a", "a ", &"a".repeat(257)] {
            assert!(ClientId::parse(id).is_err(), "{id:?} was accepted");
            assert!(ClientId::parse_new(id).is_err(), "{id:?} was accepted");
        }
    }

    /// O-47: stored ids with a space remain valid; new ones are rejected.
    #[test]
    fn a_space_and_dot_segments_are_rejected_in_new_ids_only() {
        for id in ["a b", ".", ".."] {
            assert!(ClientId::parse(id).is_ok(), "{id}");
            assert!(ClientId::parse_new(id).is_err(), "{id}");
        }
        assert!(ClientId::parse_new("...").is_ok());
    }

    #[test]
    fn a_name_derived_from_an_id_of_any_length_is_valid() {
        for length in [1, 99, 100, 101, 256] {
            let id = ClientId::parse(&"a".repeat(length)).expect("an id");
            let name = ClientName::of_id(&id);
            assert!(ClientName::parse(name.as_str()).is_ok(), "{length}");
        }
    }

    #[test]
    fn a_mistyped_grant_type_is_rejected() {
        assert_eq!(GrantType::parse("client_credentials"), Ok(GrantType::ClientCredentials));
        assert!(GrantType::parse("urn:ietf:params:oauth:grant-type:jwt-bearer").is_ok());
        assert!(GrantType::parse("client_credential").is_err());
        assert!(GrantType::parse("Client_Credentials").is_err());
    }
}
