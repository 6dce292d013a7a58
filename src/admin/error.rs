//! Why a verb of the operator was not carried out: a stable code and typed data. It names no
//! command: the command line, and later the admin API and the console, say how to fix it.

use std::fmt;

use crate::crypto::CryptoError;
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::resource::ResourceId;
use crate::model::static_claims::ClaimsError;
use crate::store::StoreError;

/// The stable code of an [`AdminError`], for programs. `docs/errors.md` lists all of them.
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
    /// The identifier is taken.
    AlreadyExists,
    /// The client would have more valid secrets than `secrets.max_per_client`.
    SecretLimitReached,
    /// The client has keys and would get a `jwks_uri`, or the reverse.
    KeySourceConflict,
    /// The resource is the server itself and cannot be deleted.
    BuiltInResource,
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
    /// The issuer is not set, and no server has started yet.
    IssuerMissing,
    /// The caller lacks a scope of `urn:tokend`.
    ScopeMissing,
    /// The client holds scopes of `urn:tokend` that the caller lacks.
    ClientMorePowerful,
    /// The caller would grant scopes of `urn:tokend` that it lacks.
    RightsNotHeld,
    /// The database failed.
    DatabaseFailed,
    /// A key or a secret cannot be generated, sealed or opened.
    CryptographyFailed,
}

impl AdminErrorCode {
    /// Every code, in the order of `docs/errors.md`.
    pub const ALL: [Self; 33] = [
        Self::ClientNotFound,
        Self::ClientNotInList,
        Self::ResourceNotFound,
        Self::ScopeNotFound,
        Self::GrantNotFound,
        Self::SecretNotFound,
        Self::KeyNotFound,
        Self::TrustNotFound,
        Self::RejectionNotFound,
        Self::AlreadyExists,
        Self::SecretLimitReached,
        Self::KeySourceConflict,
        Self::BuiltInResource,
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
        Self::IssuerMissing,
        Self::ScopeMissing,
        Self::ClientMorePowerful,
        Self::RightsNotHeld,
        Self::DatabaseFailed,
        Self::CryptographyFailed,
    ];

    /// The code as programs see it. It never changes.
    pub fn as_str(self) -> &'static str {
        self.documented().0
    }

    /// What it means, in one sentence.
    pub fn meaning(self) -> &'static str {
        self.documented().1
    }

    fn documented(self) -> (&'static str, &'static str) {
        match self {
            Self::ClientNotFound => ("client_not_found", "The client does not exist."),
            Self::ClientNotInList => {
                ("client_not_in_list", "The client after which a page begins is not in the list.")
            }
            Self::ResourceNotFound => ("resource_not_found", "The resource does not exist."),
            Self::ScopeNotFound => {
                ("scope_not_found", "The resource or the grant lacks the scope.")
            }
            Self::GrantNotFound => ("grant_not_found", "The client has no grant for the resource."),
            Self::SecretNotFound => ("secret_not_found", "The client has no secret with this id."),
            Self::KeyNotFound => ("key_not_found", "The client has no key with this `kid`."),
            Self::TrustNotFound => ("trust_not_found", "The client has no trust with this id."),
            Self::RejectionNotFound => {
                ("rejection_not_found", "No rejection with this request id is stored.")
            }
            Self::AlreadyExists => ("already_exists", "The identifier is taken."),
            Self::SecretLimitReached => (
                "secret_limit_reached",
                "The client would have more valid secrets than `secrets.max_per_client`.",
            ),
            Self::KeySourceConflict => (
                "key_source_conflict",
                "The client has keys and would get a `jwks_uri`, or the reverse.",
            ),
            Self::BuiltInResource => {
                ("built_in_resource", "The resource is the server itself and cannot be deleted.")
            }
            Self::NoKeyLost => ("no_key_lost", "The master key opens every key of the database."),
            Self::MasterKeyUnusable => ("master_key_unusable", "The master key cannot be read."),
            Self::ChangedDuringImport => {
                ("changed_during_import", "The secrets of a client changed during an import.")
            }
            Self::ImportConflict => ("import_conflict", "Clients of an import exist already."),
            Self::InvalidValue => ("invalid_value", "A value is not allowed."),
            Self::GrantWithoutScopes => {
                ("grant_without_scopes", "The change would leave a grant without scopes.")
            }
            Self::IssuerKeysMissing => (
                "issuer_keys_missing",
                "The keys of an issuer are neither given nor can they be discovered.",
            ),
            Self::AudienceMissing => {
                ("audience_missing", "A trust has no audience, and `issuer` is not set.")
            }
            Self::TlsSubjectMissing => (
                "tls_subject_missing",
                "`tls_client_auth` is permitted without a subject of the certificate.",
            ),
            Self::ClaimNotFound => {
                ("claim_not_found", "The client or the grant lacks the static claim.")
            }
            Self::ClaimReserved => ("claim_reserved", "The name of a static claim is reserved."),
            Self::ClaimInvalid => ("claim_invalid", "A static claim is malformed."),
            Self::ClaimLimitExceeded => (
                "claim_limit_exceeded",
                "The static claims of a client and a grant together are too many or too large.",
            ),
            Self::TokenRefused => ("token_refused", "The token would be refused."),
            Self::IssuerMissing => {
                ("issuer_missing", "The issuer is not set, and no server has started yet.")
            }
            Self::ScopeMissing => ("scope_missing", "The caller lacks a scope of `urn:tokend`."),
            Self::ClientMorePowerful => (
                "client_more_powerful",
                "The client holds scopes of `urn:tokend` that the caller lacks.",
            ),
            Self::RightsNotHeld => {
                ("rights_not_held", "The caller would grant scopes of `urn:tokend` that it lacks.")
            }
            Self::DatabaseFailed => ("database_failed", "The database failed."),
            Self::CryptographyFailed => {
                ("cryptography_failed", "A key or a secret cannot be generated, sealed or opened.")
            }
        }
    }
}

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
}

impl ObjectKind {
    fn code(self) -> AdminErrorCode {
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
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Client => "client",
            Self::ListedClient => "client in this list:",
            Self::Resource => "resource",
            Self::Scope => "scope",
            Self::GrantedScope => "scope in this grant:",
            Self::Grant => "grant to",
            Self::Secret => "secret",
            Self::Key => "key",
            Self::Trust => "trust",
            Self::Rejection => "rejection",
            Self::Claim => "static claim",
        })
    }
}

/// A change that does not fit what is stored.
#[derive(Debug, thiserror::Error)]
pub enum Conflict {
    /// An object of this kind has the identifier already.
    #[error("there is already a {0}")]
    AlreadyExists(String),
    /// The client would have too many valid secrets.
    #[error("the client would have {live} live secrets; secrets.max_per_client is {max}")]
    SecretLimit {
        /// How many valid secrets it would have.
        live: usize,
        /// How many the settings allow.
        max: usize,
    },
    /// A client has either keys or a `jwks_uri`.
    #[error("a client has keys of its own or a jwks_uri, not both: remove the one first")]
    KeySource,
    /// The resource is the server itself.
    #[error("{0} is this server itself and cannot be deleted; take its grants away instead")]
    BuiltInResource(ResourceId),
    /// The master key opens every key.
    #[error("nothing is lost: the master key opens every key of this database")]
    NoKeyLost,
    /// The master key cannot be read.
    #[error("{0}")]
    MasterKey(String),
    /// The secrets of a client changed during an import.
    #[error("the secrets of the client changed meanwhile; run the import again")]
    ChangedDuringImport,
    /// The clients of an import exist; the text lists them.
    #[error("{0}")]
    Import(String),
    /// A conflict in a line of an import.
    #[error("line {line}: {conflict}; nothing was imported")]
    InLine {
        /// The number of the line, from 1.
        line: usize,
        /// What does not fit.
        conflict: Box<Conflict>,
    },
}

impl Conflict {
    fn code(&self) -> AdminErrorCode {
        match self {
            Self::AlreadyExists(_) => AdminErrorCode::AlreadyExists,
            Self::SecretLimit { .. } => AdminErrorCode::SecretLimitReached,
            Self::KeySource => AdminErrorCode::KeySourceConflict,
            Self::BuiltInResource(_) => AdminErrorCode::BuiltInResource,
            Self::NoKeyLost => AdminErrorCode::NoKeyLost,
            Self::MasterKey(_) => AdminErrorCode::MasterKeyUnusable,
            Self::ChangedDuringImport => AdminErrorCode::ChangedDuringImport,
            Self::Import(_) => AdminErrorCode::ImportConflict,
            Self::InLine { conflict, .. } => conflict.code(),
        }
    }
}

/// Why a verb was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// What it is about does not exist.
    #[error("{kind} {id} does not exist")]
    NotFound {
        /// Its kind.
        kind: ObjectKind,
        /// Its identifier.
        id: String,
    },
    /// A question names something that does not exist.
    #[error("{kind} {id} does not exist")]
    Unknown {
        /// Its kind.
        kind: ObjectKind,
        /// Its identifier as given.
        id: String,
        /// The one that may be meant.
        suggestion: Option<String>,
    },
    /// It does not fit what is stored.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// A value is not allowed.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The change would leave a grant without scopes.
    #[error("remove-scope: the grant to {resource} would have no scope left")]
    GrantWithoutScopes {
        /// The resource of the grant.
        resource: ResourceId,
    },
    /// The keys of an issuer are not given, and its metadata cannot be fetched.
    #[error("issuer: its keys cannot be discovered, because it is not a plain https URL")]
    IssuerKeysMissing,
    /// A trust has no audience, and the issuer, which is its default, is not set.
    #[error("audience: it is not given, and the default, the setting `issuer`, is not set")]
    AudienceMissing,
    /// A client may use `tls_client_auth`, and has no subject.
    #[error("tls subject: tls_client_auth needs the subject of the client's certificate")]
    TlsSubjectMissing,
    /// Static claims are not accepted.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The token that is asked for would be refused; the text is the rejection of the client.
    #[error("{0}")]
    TokenRefused(String),
    /// No issuer is known, and tokens name it.
    #[error("issuer: it is not set, and no server has started on this database yet")]
    IssuerMissing,
    /// The caller lacks a scope of `urn:tokend`.
    #[error("this needs the scope {} of urn:tokend", scope.as_str())]
    ScopeMissing {
        /// The scope.
        scope: AdminScope,
    },
    /// The client holds scopes of `urn:tokend` that the caller lacks.
    #[error("{client} holds scopes of urn:tokend that the caller lacks")]
    MorePowerful {
        /// The client.
        client: ClientId,
    },
    /// The caller would grant scopes of `urn:tokend` that it lacks.
    #[error("grant: it has scopes of urn:tokend that the caller lacks")]
    RightsNotHeld,
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
    /// A key or a secret could not be made.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl AdminError {
    /// The stable code.
    pub fn code(&self) -> AdminErrorCode {
        match self {
            Self::NotFound { kind, .. } | Self::Unknown { kind, .. } => kind.code(),
            Self::Conflict(conflict) => conflict.code(),
            Self::Invalid { .. } => AdminErrorCode::InvalidValue,
            Self::GrantWithoutScopes { .. } => AdminErrorCode::GrantWithoutScopes,
            Self::IssuerKeysMissing => AdminErrorCode::IssuerKeysMissing,
            Self::AudienceMissing => AdminErrorCode::AudienceMissing,
            Self::TlsSubjectMissing => AdminErrorCode::TlsSubjectMissing,
            Self::Claims(ClaimsError::Reserved(_)) => AdminErrorCode::ClaimReserved,
            Self::Claims(ClaimsError::Names(_) | ClaimsError::Bytes(_)) => {
                AdminErrorCode::ClaimLimitExceeded
            }
            Self::Claims(_) => AdminErrorCode::ClaimInvalid,
            Self::TokenRefused(_) => AdminErrorCode::TokenRefused,
            Self::IssuerMissing => AdminErrorCode::IssuerMissing,
            Self::ScopeMissing { .. } => AdminErrorCode::ScopeMissing,
            Self::MorePowerful { .. } => AdminErrorCode::ClientMorePowerful,
            Self::RightsNotHeld => AdminErrorCode::RightsNotHeld,
            Self::Store(_) => AdminErrorCode::DatabaseFailed,
            Self::Crypto(_) => AdminErrorCode::CryptographyFailed,
        }
    }

    /// What it is about does not exist.
    pub fn not_found(kind: ObjectKind, id: impl fmt::Display) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// A value that is not allowed.
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }

    pub(super) fn no_client(id: &ClientId) -> Self {
        Self::not_found(ObjectKind::Client, id)
    }

    pub(super) fn no_resource(id: &ResourceId) -> Self {
        Self::not_found(ObjectKind::Resource, id)
    }

    pub(super) fn malformed(field: &'static str) -> impl Fn(Malformed) -> Self {
        move |malformed| Self::invalid(field, malformed.to_string())
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(what) => Conflict::AlreadyExists(what.to_owned()).into(),
            other => Self::Store(other),
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
