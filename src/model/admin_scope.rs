//! The scopes of the built-in resource `urn:tokend`, which define the rights of administrators
//! (D17).

use std::collections::BTreeSet;

use crate::model::Malformed;
use crate::model::scope::{ScopeName, Scopes};

/// A scope of the built-in resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AdminScope {
    /// Permits the introspection of every token of this server (RFC 7662).
    Introspect,
    /// Permits reading clients with their grants, keys, trusts and the suffixes of their secrets.
    ClientsRead,
    /// Permits registering, changing, disabling and deleting clients.
    ClientsWrite,
    /// Permits adding and ending credentials: secrets, keys, trusts and certificate subjects.
    SecretsWrite,
    /// Permits granting scopes of resources to clients, removing grants, and setting claims.
    GrantsWrite,
    /// Permits reading resources with their scopes.
    ResourcesRead,
    /// Permits registering, changing and deleting resources.
    ResourcesWrite,
    /// Permits reading signing keys, without their private keys.
    KeysRead,
    /// Permits rotating, retiring and revoking signing keys.
    KeysWrite,
    /// Permits issuing tokens in the name of a client, except tokens for this server itself.
    TokensIssue,
    /// Permits revoking tokens.
    TokensRevoke,
    /// Permits reading and verifying the audit log.
    AuditRead,
    /// Permits reading usage statistics.
    StatsRead,
    /// Permits reading the settings, the version and the state of the server.
    ServerRead,
    /// Permits creating administrators: granting scopes of this server, and setting their owners.
    AdminsWrite,
}

impl AdminScope {
    /// All scopes.
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

    /// Parses a scope as it appears in a token.
    ///
    /// # Errors
    /// If it is not one of [`Self::ALL`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Malformed::because(format!("a scope of this server is one of {known}"))
        })
    }

    /// Returns the names of all scopes.
    pub fn offered() -> Scopes {
        Self::ALL.into_iter().map(|scope| ScopeName::stored(scope.as_str())).collect()
    }

    /// Returns the subset of `scopes` that this version knows.
    pub fn known(scopes: &Scopes) -> BTreeSet<Self> {
        scopes.iter().filter_map(|scope| Self::parse(scope.as_str()).ok()).collect()
    }

    /// Returns the scope as it appears in a token.
    pub fn as_str(self) -> &'static str {
        self.documented().0
    }

    /// Returns the description of the scope in the resource `urn:tokend`.
    pub fn description(self) -> &'static str {
        self.documented().1
    }

    fn documented(self) -> (&'static str, &'static str) {
        match self {
            Self::Introspect => ("introspect", "Introspect every token of this server"),
            Self::ClientsRead => ("clients:read", "Read clients"),
            Self::ClientsWrite => ("clients:write", "Register, change, disable and delete clients"),
            Self::SecretsWrite => ("secrets:write", "Generate, rotate and end client secrets"),
            Self::GrantsWrite => ("grants:write", "Give grants and claims to clients"),
            Self::ResourcesRead => ("resources:read", "Read resources"),
            Self::ResourcesWrite => ("resources:write", "Register, change and delete resources"),
            Self::KeysRead => ("keys:read", "Read signing keys"),
            Self::KeysWrite => ("keys:write", "Rotate, retire and revoke signing keys"),
            Self::TokensIssue => ("tokens:issue", "Issue tokens in the name of a client"),
            Self::TokensRevoke => ("tokens:revoke", "Revoke tokens"),
            Self::AuditRead => ("audit:read", "Read and verify the audit log"),
            Self::StatsRead => ("stats:read", "Read usage statistics"),
            Self::ServerRead => ("server:read", "Read the settings and the state of the server"),
            Self::AdminsWrite => ("admins:write", "Make administrators and limit them to owners"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_at_its_index_and_round_trips() {
        for (position, scope) in AdminScope::ALL.into_iter().enumerate() {
            assert_eq!(scope as usize, position);
            assert_eq!(AdminScope::parse(scope.as_str()), Ok(scope));
            assert!(!scope.description().is_empty());
        }
        assert_eq!(AdminScope::AdminsWrite as usize + 1, AdminScope::ALL.len());
        for text in ["", "clients:delete", "Clients:read", "introspect "] {
            assert!(AdminScope::parse(text).is_err(), "{text:?}");
        }
    }
}
