//! The reasons why a value is not allowed, with the data that a caller needs to fix it.

use std::fmt;

use crate::model::event::Action;
use crate::model::public_path::TOKEN_PATH;
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::time::Lifetime;

const NO_CREDENTIAL: &str = "the client has nothing to authenticate with; give client_secret or secret_hash, or secrets, jwks, jwks_uri, trusts, spiffe_trusts or a tls_client_auth_… member";

/// Why a value is not allowed. [`fmt::Display`] writes a sentence that does not name the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidValue {
    /// The resource does not offer the scope.
    ScopeNotOffered {
        /// The resource.
        resource: ResourceId,
        /// The requested scope.
        scope: ScopeName,
        /// The scopes that the resource offers.
        offered: Scopes,
        /// The scope that may have been intended.
        suggestion: Option<String>,
    },
    /// The scope is given more than once.
    DuplicateScope(ScopeName),
    /// The resource does not exist.
    UnknownResource(ResourceId),
    /// The row of the resource cannot be read.
    UnreadableResource(ResourceId),
    /// The text is not an action of the audit log.
    UnknownAction {
        /// The text.
        text: String,
        /// The action that may have been intended.
        suggestion: Option<String>,
    },
    /// The lifetime exceeds the maximum of the server.
    LifetimeTooLong {
        /// The requested lifetime.
        lifetime: Lifetime,
        /// The maximum.
        max: Lifetime,
    },
    /// The request has too many items of one kind.
    TooMany {
        /// The object that has them, with its article.
        holder: &'static str,
        /// The maximum number of items.
        max: usize,
        /// The kind of the items, in the plural.
        items: &'static str,
    },
    /// A prune does not name a source.
    PruneWithoutSource,
    /// Tokens would be bound to a key and to a certificate (RFC 7800, section 3.1).
    BoundTwice,
    /// The client would have no credential.
    NoCredential,
    /// The issuer of the trust is this server.
    OwnIssuer,
    /// The audience of a trust has a length that is not allowed.
    AudienceLength,
    /// The audience of assertions cannot be checked, because the issuer is unknown.
    IssuerUnknown {
        /// The audience.
        url: String,
    },
    /// The audience of assertions is not a URL of the token endpoint.
    NotTokenEndpoint {
        /// The audience.
        url: String,
        /// The issuer of this server.
        issuer: String,
    },
    /// The type of tokens for this resource cannot be changed.
    FixedTokenType(ResourceId),
    /// The label is too long, or contains a control character.
    Label,
    /// Several problems of a document, each with its position.
    Places {
        /// All problems as text.
        text: String,
        /// The JSON pointers (RFC 6901) with the problem at each.
        places: Vec<(String, String)>,
    },
    /// A text of a parser, a library or the list of an import.
    Text(String),
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ScopeNotOffered { resource, scope, offered, suggestion } => {
                let advice = advice(suggestion.as_deref(), || format!("it offers: {offered}"));
                return write!(formatter, "{resource} has no scope {scope}; {advice}");
            }
            Self::UnknownAction { text, suggestion } => {
                let advice = advice(suggestion.as_deref(), || {
                    format!("the actions are {}", Action::ALL.map(Action::as_str).join(", "))
                });
                return write!(formatter, "{text:?} is not an action; {advice}");
            }
            Self::DuplicateScope(name) => return write!(formatter, "{name} is given twice"),
            Self::UnknownResource(id) => return write!(formatter, "{id} does not exist"),
            Self::UnreadableResource(id) => {
                return write!(formatter, "{id} cannot be read; correct its row in the database");
            }
            Self::LifetimeTooLong { lifetime, max } => {
                return write!(
                    formatter,
                    "{lifetime} is longer than token.lifetime_max, which is {max}"
                );
            }
            Self::TooMany { holder, max, items } => {
                return write!(formatter, "{holder} has at most {max} {items}");
            }
            Self::IssuerUnknown { url } => {
                return write!(
                    formatter,
                    "{url} cannot be checked, because `issuer` is not set and no server has \
                     started yet"
                );
            }
            Self::NotTokenEndpoint { url, issuer } => {
                return write!(
                    formatter,
                    "{url} is not a URL of the token endpoint of this issuer; expected \
                     {issuer}{TOKEN_PATH} or a path of token.aliases, with or without a slash at \
                     the end"
                );
            }
            Self::FixedTokenType(id) => {
                return write!(
                    formatter,
                    "tokens for {id} are always at+jwt, because this server is their verifier"
                );
            }
            Self::PruneWithoutSource => {
                "only objects of a source are pruned, and no source is named: the member `source` \
                 is missing"
            }
            Self::BoundTwice => "a token is bound to a key (DPoP) or to a certificate, not to both",
            Self::NoCredential => NO_CREDENTIAL,
            Self::OwnIssuer => "this server does not accept its own tokens as credentials",
            Self::AudienceLength => "an audience is 1 to 500 characters long",
            Self::Label => "at most 100 characters, without control characters",
            Self::Places { text, .. } | Self::Text(text) => text,
        })
    }
}

/// Suggests the value that may have been intended, or lists all that exist.
fn advice(suggestion: Option<&str>, all: impl FnOnce() -> String) -> String {
    suggestion.map_or_else(all, |name| format!("did you mean {name}?"))
}

impl From<String> for InvalidValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
