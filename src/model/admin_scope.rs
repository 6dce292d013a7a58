//! The scopes of this server's own resource, `urn:tokend`: what an administrator may do (DESIGN
//! D17).

use std::collections::BTreeSet;

use crate::model::scope::Scopes;

/// One scope of `urn:tokend`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AdminScope {
    /// Ask for the state of every token (RFC 7662).
    Introspect,
    /// Read clients, and why their requests were rejected.
    ClientsRead,
    /// Create, change, disable and delete clients.
    ClientsWrite,
    /// Create, rotate and end secrets, and change keys and trusts.
    SecretsWrite,
    /// Change what clients may ask for.
    GrantsWrite,
    /// Read resources.
    ResourcesRead,
    /// Create, change and delete resources.
    ResourcesWrite,
    /// Read signing keys.
    KeysRead,
    /// Rotate and revoke signing keys.
    KeysWrite,
    /// Issue tokens in the name of clients.
    TokensIssue,
    /// Revoke tokens.
    TokensRevoke,
    /// Read the audit log.
    AuditRead,
    /// Read statistics.
    StatsRead,
    /// Read the version and the settings of the server.
    ServerRead,
    /// Make clients administrators, and change what administrators may do.
    AdminsWrite,
}

impl AdminScope {
    /// Every scope, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::Introspect,
        Self::ClientsRead,
        Self::ClientsWrite,
        Self::SecretsWrite,
        Self::GrantsWrite,
        Self::ResourcesRead,
        Self::ResourcesWrite,
        Self::KeysRead,
        Self::KeysWrite,
        Self::TokensIssue,
        Self::TokensRevoke,
        Self::AuditRead,
        Self::StatsRead,
        Self::ServerRead,
        Self::AdminsWrite,
    ];

    /// The scope as it stands in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Introspect => "introspect",
            Self::ClientsRead => "clients:read",
            Self::ClientsWrite => "clients:write",
            Self::SecretsWrite => "secrets:write",
            Self::GrantsWrite => "grants:write",
            Self::ResourcesRead => "resources:read",
            Self::ResourcesWrite => "resources:write",
            Self::KeysRead => "keys:read",
            Self::KeysWrite => "keys:write",
            Self::TokensIssue => "tokens:issue",
            Self::TokensRevoke => "tokens:revoke",
            Self::AuditRead => "audit:read",
            Self::StatsRead => "stats:read",
            Self::ServerRead => "server:read",
            Self::AdminsWrite => "admins:write",
        }
    }

    /// What it permits, in one sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::Introspect => "Ask for the state of every token.",
            Self::ClientsRead => "Read clients, and why their requests were rejected.",
            Self::ClientsWrite => "Create, change, disable and delete clients.",
            Self::SecretsWrite => "Create, rotate and end secrets, and change keys and trusts.",
            Self::GrantsWrite => "Change what clients may ask for.",
            Self::ResourcesRead => "Read resources.",
            Self::ResourcesWrite => "Create, change and delete resources.",
            Self::KeysRead => "Read signing keys.",
            Self::KeysWrite => "Rotate and revoke signing keys.",
            Self::TokensIssue => "Issue tokens in the name of clients.",
            Self::TokensRevoke => "Revoke tokens.",
            Self::AuditRead => "Read the audit log.",
            Self::StatsRead => "Read statistics.",
            Self::ServerRead => "Read the version and the settings of the server.",
            Self::AdminsWrite => {
                "Make clients administrators, and change what administrators may do."
            }
        }
    }

    /// Reads one scope; `None` if `urn:tokend` has no such scope.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    /// The known ones of a set of scopes.
    pub fn known(scopes: &Scopes) -> BTreeSet<Self> {
        scopes.iter().filter_map(|scope| Self::parse(scope.as_str())).collect()
    }
}
