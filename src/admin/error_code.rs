//! The stable codes of [`AdminError`](crate::admin::AdminError). `docs/errors.md` is generated from
//! them.

/// The stable code of an [`AdminError`](crate::admin::AdminError), for programs. `docs/errors.md` lists all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminErrorCode {
    /// The client does not exist.
    ClientNotFound,
    /// The client after which a page begins is not in the list.
    ClientNotInList,
    /// The resource does not exist.
    ResourceNotFound,
    /// The resource or the grant lacks the scope.
    ScopeNotFound,
    /// The client has no grant for the resource.
    GrantNotFound,
    /// The client has no secret with this id.
    SecretNotFound,
    /// The client has no key with this `kid`.
    KeyNotFound,
    /// The client has no trust with this id.
    TrustNotFound,
    /// No rejection with this request id is stored.
    RejectionNotFound,
    /// No signing key has this id.
    SigningKeyNotFound,
    /// The identifier is taken.
    AlreadyExists,
    /// The client would have more valid secrets than `secrets.max_per_client`.
    SecretLimitReached,
    /// The client has keys and would get a `jwks_uri`, or the reverse.
    KeySourceConflict,
    /// The resource is the server itself and cannot be deleted.
    BuiltInResource,
    /// The resource is the server itself, whose scopes cannot be changed.
    BuiltInScopes,
    /// The resource is the server itself, of which a grant names each scope.
    AllServerScopes,
    /// The master key opens every key of the database.
    NoKeyLost,
    /// The master key cannot be read.
    MasterKeyUnusable,
    /// The secrets of a client changed during an import.
    ChangedDuringImport,
    /// Clients of an import exist already.
    ImportConflict,
    /// A value is not allowed.
    InvalidValue,
    /// The change would leave a grant without scopes.
    GrantWithoutScopes,
    /// The keys of an issuer are neither given nor can they be discovered.
    IssuerKeysMissing,
    /// A trust has no audience, and `issuer` is not set.
    AudienceMissing,
    /// `tls_client_auth` is permitted without a subject of the certificate.
    TlsSubjectMissing,
    /// The client or the grant lacks the static claim.
    ClaimNotFound,
    /// The name of a static claim is reserved.
    ClaimReserved,
    /// A static claim is malformed.
    ClaimInvalid,
    /// The static claims of a client and a grant together are too many or too large.
    ClaimLimitExceeded,
    /// The token would be refused.
    TokenRefused,
    /// The token is not valid.
    TokenInvalid,
    /// A token for the server itself is not issued in the name of a client.
    TokenForServer,
    /// The issuer is not set, and no server has started yet.
    IssuerMissing,
    /// The caller lacks a scope of `urn:tokend`.
    ScopeMissing,
    /// The client holds scopes of `urn:tokend` that the caller lacks.
    ClientMorePowerful,
    /// The caller would grant scopes of `urn:tokend` that it lacks.
    RightsNotHeld,
    /// The password-hash queue is full.
    HashQueueFull,
    /// The database failed.
    DatabaseFailed,
    /// A key or a secret cannot be generated, sealed or opened.
    CryptographyFailed,
}

impl AdminErrorCode {
    /// Every code, in the order of `docs/errors.md`.
    pub const ALL: [Self; 39] = [
        Self::ClientNotFound,
        Self::ClientNotInList,
        Self::ResourceNotFound,
        Self::ScopeNotFound,
        Self::GrantNotFound,
        Self::SecretNotFound,
        Self::KeyNotFound,
        Self::TrustNotFound,
        Self::RejectionNotFound,
        Self::SigningKeyNotFound,
        Self::AlreadyExists,
        Self::SecretLimitReached,
        Self::KeySourceConflict,
        Self::BuiltInResource,
        Self::BuiltInScopes,
        Self::AllServerScopes,
        Self::NoKeyLost,
        Self::MasterKeyUnusable,
        Self::ChangedDuringImport,
        Self::ImportConflict,
        Self::InvalidValue,
        Self::GrantWithoutScopes,
        Self::IssuerKeysMissing,
        Self::AudienceMissing,
        Self::TlsSubjectMissing,
        Self::ClaimNotFound,
        Self::ClaimReserved,
        Self::ClaimInvalid,
        Self::ClaimLimitExceeded,
        Self::TokenRefused,
        Self::TokenInvalid,
        Self::TokenForServer,
        Self::IssuerMissing,
        Self::ScopeMissing,
        Self::ClientMorePowerful,
        Self::RightsNotHeld,
        Self::HashQueueFull,
        Self::DatabaseFailed,
        Self::CryptographyFailed,
    ];

    /// The code of this name, if this version knows it.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// The code as programs see it. It never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientNotFound => "client_not_found",
            Self::ClientNotInList => "client_not_in_list",
            Self::ResourceNotFound => "resource_not_found",
            Self::ScopeNotFound => "scope_not_found",
            Self::GrantNotFound => "grant_not_found",
            Self::SecretNotFound => "secret_not_found",
            Self::KeyNotFound => "key_not_found",
            Self::TrustNotFound => "trust_not_found",
            Self::RejectionNotFound => "rejection_not_found",
            Self::SigningKeyNotFound => "signing_key_not_found",
            Self::AlreadyExists => "already_exists",
            Self::SecretLimitReached => "secret_limit_reached",
            Self::KeySourceConflict => "key_source_conflict",
            Self::BuiltInResource => "built_in_resource",
            Self::BuiltInScopes => "built_in_scopes",
            Self::AllServerScopes => "all_server_scopes",
            Self::NoKeyLost => "no_key_lost",
            Self::MasterKeyUnusable => "master_key_unusable",
            Self::ChangedDuringImport => "changed_during_import",
            Self::ImportConflict => "import_conflict",
            Self::InvalidValue => "invalid_value",
            Self::GrantWithoutScopes => "grant_without_scopes",
            Self::IssuerKeysMissing => "issuer_keys_missing",
            Self::AudienceMissing => "audience_missing",
            Self::TlsSubjectMissing => "tls_subject_missing",
            Self::ClaimNotFound => "claim_not_found",
            Self::ClaimReserved => "claim_reserved",
            Self::ClaimInvalid => "claim_invalid",
            Self::ClaimLimitExceeded => "claim_limit_exceeded",
            Self::TokenRefused => "token_refused",
            Self::TokenInvalid => "token_invalid",
            Self::TokenForServer => "token_for_server",
            Self::IssuerMissing => "issuer_missing",
            Self::ScopeMissing => "scope_missing",
            Self::ClientMorePowerful => "client_more_powerful",
            Self::RightsNotHeld => "rights_not_held",
            Self::HashQueueFull => "hash_queue_full",
            Self::DatabaseFailed => "database_failed",
            Self::CryptographyFailed => "cryptography_failed",
        }
    }

    /// What it means, in one sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::ClientNotFound => "The client does not exist.",
            Self::ClientNotInList => "The client after which a page begins is not in the list.",
            Self::ResourceNotFound => "The resource does not exist.",
            Self::ScopeNotFound => "The resource or the grant lacks the scope.",
            Self::GrantNotFound => "The client has no grant for the resource.",
            Self::SecretNotFound => "The client has no secret with this id.",
            Self::KeyNotFound => "The client has no key with this `kid`.",
            Self::TrustNotFound => "The client has no trust with this id.",
            Self::RejectionNotFound => "No rejection with this request id is stored.",
            Self::SigningKeyNotFound => "No signing key has this id.",
            Self::AlreadyExists => "The identifier is taken.",
            Self::SecretLimitReached => {
                "The client would have more valid secrets than `secrets.max_per_client`."
            }
            Self::KeySourceConflict => {
                "The client has keys and would get a `jwks_uri`, or the reverse."
            }
            Self::BuiltInResource => "The resource is the server itself and cannot be deleted.",
            Self::BuiltInScopes => "The server's scopes cannot be changed.",
            Self::AllServerScopes => "A grant of the server itself names each scope.",
            Self::NoKeyLost => "The master key opens every key of the database.",
            Self::MasterKeyUnusable => "The master key cannot be read.",
            Self::ChangedDuringImport => "The secrets of a client changed during an import.",
            Self::ImportConflict => "Clients of an import exist already.",
            Self::InvalidValue => "A value is not allowed.",
            Self::GrantWithoutScopes => "The change would leave a grant without scopes.",
            Self::IssuerKeysMissing => {
                "The keys of an issuer are neither given nor can they be discovered."
            }
            Self::AudienceMissing => "A trust has no audience, and `issuer` is not set.",
            Self::TlsSubjectMissing => {
                "`tls_client_auth` is permitted without a subject of the certificate."
            }
            Self::ClaimNotFound => "The client or the grant lacks the static claim.",
            Self::ClaimReserved => "The name of a static claim is reserved.",
            Self::ClaimInvalid => "A static claim is malformed.",
            Self::ClaimLimitExceeded => {
                "The static claims of a client and a grant together are too many or too large."
            }
            Self::TokenRefused => "The token would be refused.",
            Self::TokenInvalid => "The token is not valid.",
            Self::TokenForServer => {
                "A token for the server itself is not issued in the name of a client."
            }
            Self::IssuerMissing => "The issuer is not set, and no server has started yet.",
            Self::ScopeMissing => "The caller lacks a scope of `urn:tokend`.",
            Self::ClientMorePowerful => {
                "The client holds scopes of `urn:tokend` that the caller lacks."
            }
            Self::RightsNotHeld => "The caller would grant scopes of `urn:tokend` that it lacks.",
            Self::HashQueueFull => "Too many secrets are being hashed. Try again.",
            Self::DatabaseFailed => "The database failed.",
            Self::CryptographyFailed => "A key or a secret cannot be generated, sealed or opened.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once_and_is_one_word_of_lower_case() {
        for (position, code) in AdminErrorCode::ALL.into_iter().enumerate() {
            let name = code.as_str();
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            let first = AdminErrorCode::ALL.iter().position(|other| other.as_str() == name);
            assert_eq!(first, Some(position), "{name}");
            // The list has as many entries as the enum has variants.
            assert_eq!(code as usize, position, "{name}");
        }
        assert_eq!(AdminErrorCode::CryptographyFailed as usize + 1, AdminErrorCode::ALL.len());
    }
}
