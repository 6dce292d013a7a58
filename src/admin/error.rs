//! Why a verb of the operator was not carried out: a stable code and typed data. It names no
//! command: the command line, and later the admin API and the console, say how to fix it.

use std::fmt;

use crate::admin::error_code::AdminErrorCode;
use crate::admin::invalid_value::InvalidValue;
use crate::admin::token::InvalidToken;
use crate::crypto::CryptoError;
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::resource::ResourceId;
use crate::model::static_claims::ClaimsError;
use crate::secrets::hash_queue::Busy;
use crate::store::StoreError;

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
    /// A signing key.
    SigningKey,
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
            Self::SigningKey => AdminErrorCode::SigningKeyNotFound,
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
            Self::SigningKey => "signing key",
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
    /// The resource is the server itself, whose scopes are a closed list.
    #[error("{0} is this server itself; its scopes cannot be changed")]
    BuiltInScopes(ResourceId),
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
            Self::BuiltInScopes(_) => AdminErrorCode::BuiltInScopes,
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
        problem: InvalidValue,
    },
    /// The change would leave a grant without scopes.
    #[error("remove-scope: the grant to {resource} would have no scope left")]
    GrantWithoutScopes {
        /// The resource of the grant.
        resource: ResourceId,
    },
    /// A grant of all scopes of the server itself.
    #[error(
        "scopes: all scopes of {} are requested; a grant of it names each scope",
        ResourceId::SERVER
    )]
    AllServerScopes,
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
    /// A token is not valid.
    #[error("the token is not valid: {0}")]
    TokenInvalid(#[from] InvalidToken),
    /// A token for this server itself is requested in the name of a client.
    #[error("resource: a token for {} is never issued in the name of a client", ResourceId::SERVER)]
    TokenForServer,
    /// A line of an import needs rights that the caller lacks.
    #[error("line {line}: {problem}; nothing was imported")]
    InLine {
        /// The number of the line, from 1.
        line: usize,
        /// What the caller lacks.
        problem: Box<Self>,
    },
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
    /// Too many secrets are being hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
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
            Self::AllServerScopes => AdminErrorCode::AllServerScopes,
            Self::IssuerKeysMissing => AdminErrorCode::IssuerKeysMissing,
            Self::AudienceMissing => AdminErrorCode::AudienceMissing,
            Self::TlsSubjectMissing => AdminErrorCode::TlsSubjectMissing,
            Self::Claims(ClaimsError::Reserved(_)) => AdminErrorCode::ClaimReserved,
            Self::Claims(ClaimsError::Names(_) | ClaimsError::Bytes(_)) => {
                AdminErrorCode::ClaimLimitExceeded
            }
            Self::Claims(_) => AdminErrorCode::ClaimInvalid,
            Self::TokenRefused(_) => AdminErrorCode::TokenRefused,
            Self::TokenInvalid(_) => AdminErrorCode::TokenInvalid,
            Self::TokenForServer => AdminErrorCode::TokenForServer,
            Self::InLine { problem, .. } => problem.code(),
            Self::IssuerMissing => AdminErrorCode::IssuerMissing,
            Self::ScopeMissing { .. } => AdminErrorCode::ScopeMissing,
            Self::MorePowerful { .. } => AdminErrorCode::ClientMorePowerful,
            Self::RightsNotHeld => AdminErrorCode::RightsNotHeld,
            Self::Busy(_) => AdminErrorCode::HashQueueFull,
            Self::Store(_) => AdminErrorCode::DatabaseFailed,
            Self::Crypto(_) => AdminErrorCode::CryptographyFailed,
        }
    }

    /// What it is about does not exist.
    pub fn not_found(kind: ObjectKind, id: impl fmt::Display) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// A value that is not allowed.
    pub fn invalid(field: &'static str, problem: impl Into<InvalidValue>) -> Self {
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
