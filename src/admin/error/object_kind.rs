//! The kinds of objects that operations work on.

use std::fmt;

use crate::admin::error::code::AdminErrorCode;

/// The kind of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// A client.
    Client,
    /// A client in a page of a list.
    ListedClient,
    /// A resource.
    Resource,
    /// A scope of a resource.
    Scope,
    /// A scope of a grant.
    GrantedScope,
    /// A grant, named by its resource.
    Grant,
    /// A secret.
    Secret,
    /// A key of a client.
    Key,
    /// A trust.
    Trust,
    /// A rejection, named by its request.
    Rejection,
    /// A static claim of a client or of a grant.
    Claim,
    /// A grant request.
    GrantRequest,
    /// A signing key.
    SigningKey,
    /// A policy, named by its owner.
    OwnerPolicy,
}

impl ObjectKind {
    /// Returns the code for a missing object of this kind.
    pub(in crate::admin) fn code(self) -> AdminErrorCode {
        match self {
            Self::Client => AdminErrorCode::ClientNotFound,
            Self::ListedClient => AdminErrorCode::ClientNotInList,
            Self::Resource => AdminErrorCode::ResourceNotFound,
            Self::Scope | Self::GrantedScope => AdminErrorCode::ScopeNotFound,
            Self::Grant => AdminErrorCode::GrantNotFound,
            Self::Secret => AdminErrorCode::SecretNotFound,
            Self::Key => AdminErrorCode::KeyNotFound,
            Self::Trust => AdminErrorCode::TrustNotFound,
            Self::Rejection => AdminErrorCode::RejectionNotFound,
            Self::Claim => AdminErrorCode::ClaimNotFound,
            Self::GrantRequest => AdminErrorCode::GrantRequestNotFound,
            Self::SigningKey => AdminErrorCode::SigningKeyNotFound,
            Self::OwnerPolicy => AdminErrorCode::OwnerPolicyNotFound,
        }
    }

    /// Returns the sentence for a missing object of this kind. The object may exist elsewhere if
    /// only a list or a grant does not have it.
    pub(in crate::admin) fn absence(self, id: &str) -> String {
        match self {
            Self::ListedClient => format!("client {id} is not in this list"),
            Self::GrantedScope => format!("scope {id} is not in this grant"),
            kind => format!("{kind} {id} does not exist"),
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Client | Self::ListedClient => "client",
            Self::Resource => "resource",
            Self::Scope | Self::GrantedScope => "scope",
            Self::Grant => "grant to",
            Self::Secret => "secret",
            Self::Key => "key",
            Self::Trust => "trust",
            Self::Rejection => "rejection",
            Self::Claim => "static claim",
            Self::GrantRequest => "grant request",
            Self::SigningKey => "signing key",
            Self::OwnerPolicy => "policy of owner",
        })
    }
}
