//! Errors of admin operations: a stable code and typed data. They name no command: the command
//! line and the admin API add how to fix them.

pub(super) mod code;
pub(super) mod conflict;
pub(super) mod invalid_value;
pub(super) mod object_kind;
pub(super) mod source_conflict;
pub(super) mod unreadable;

use std::fmt::Display;
use std::time::Duration;

use crate::admin::error::code::AdminErrorCode;
use crate::admin::error::conflict::Conflict;
use crate::admin::error::invalid_value::InvalidValue;
use crate::admin::error::object_kind::ObjectKind;
use crate::admin::error::source_conflict::SourceConflict;
use crate::admin::error::unreadable::UnreadableObjects;
use crate::admin::owner::policy::PolicyViolation;
use crate::admin::revision::PreconditionError;
use crate::admin::token::InvalidToken;
use crate::crypto::CryptoError;
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::static_claims::ClaimsError;
use crate::secrets::hash_queue::{Busy, HashError};
use crate::secrets::secret::redact;
use crate::store::StoreError;

impl Conflict {
    fn code(&self) -> AdminErrorCode {
        match self {
            Self::AlreadyExists(_) => AdminErrorCode::AlreadyExists,
            Self::SecretLimit { .. } => AdminErrorCode::SecretLimitReached,
            Self::KeySource => AdminErrorCode::KeySourceConflict,
            Self::BuiltInResource(_) => AdminErrorCode::BuiltInResource,
            Self::BuiltInScopes(_) => AdminErrorCode::BuiltInScopes,
            Self::Source(conflict) => conflict.code(),
            Self::NoKeyLost => AdminErrorCode::NoKeyLost,
            Self::MasterKey(_) => AdminErrorCode::MasterKeyUnusable,
            Self::Rotation(conflict) => conflict.code(),
            Self::ChangedDuringImport => AdminErrorCode::ChangedDuringImport,
            Self::GrantRequestNotNeeded(_) => AdminErrorCode::GrantRequestNotNeeded,
            Self::GrantRequestEnded { .. } => AdminErrorCode::GrantRequestEnded,
            Self::GrantRequestLimit { .. } => AdminErrorCode::GrantRequestLimitReached,
            Self::BreaksVerifiers(_) => AdminErrorCode::StepBreaksVerifiers,
            Self::SigningKeyLimit { .. } => AdminErrorCode::SigningKeyLimitReached,
            Self::AuditLogEmpty => AdminErrorCode::AuditLogEmpty,
            Self::AuditLogAltered(_) => AdminErrorCode::AuditLogAltered,
            Self::Unreadable(_) => AdminErrorCode::ObjectsUnreadable,
            Self::Import(_) => AdminErrorCode::ImportConflict,
            Self::InLine { conflict, .. } => conflict.code(),
        }
    }
}

/// Why an admin operation failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The object does not exist.
    #[error("{}", kind.absence(id))]
    NotFound {
        /// The kind of the object.
        kind: ObjectKind,
        /// The identifier of the object.
        id: String,
    },
    /// A query names an object that does not exist.
    #[error("{}", kind.absence(id))]
    Unknown {
        /// The kind of the object.
        kind: ObjectKind,
        /// The identifier as it was sent.
        id: String,
        /// The identifier that may have been intended.
        suggestion: Option<String>,
    },
    /// The change conflicts with the stored state.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// A value is not allowed.
    #[error("{field}: {problem}")]
    Invalid {
        /// The name of the value.
        field: &'static str,
        /// The problem of the value.
        problem: InvalidValue,
    },
    /// The change would leave a grant without scopes.
    #[error("scopes: the grant to {resource} would have no scope left")]
    GrantWithoutScopes {
        /// The resource of the grant.
        resource: ResourceId,
    },
    /// A grant requests all scopes of the server itself.
    #[error(
        "scopes: all scopes of {} are requested; a grant of it names each scope",
        ResourceId::SERVER
    )]
    AllServerScopes,
    /// The keys of an issuer are not given, and its metadata cannot be fetched.
    #[error("issuer: its keys cannot be discovered, because it is not a plain https URL")]
    IssuerKeysMissing,
    /// A trust has no audience, and its default, the issuer, is not set.
    #[error("audience: it is not given, and the default, the setting `issuer`, is not set")]
    AudienceMissing,
    /// A client may use `tls_client_auth`, but has no certificate subject.
    #[error("tls subject: tls_client_auth needs the subject of the client's certificate")]
    TlsSubjectMissing,
    /// Static claims are not accepted.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The requested token would be rejected. The text is the one that the client would get.
    #[error("{0}")]
    TokenRejected(String),
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
        /// The missing right.
        problem: Box<Self>,
    },
    /// The clients of an import could not be written in time.
    #[error(
        "the import took longer than {} s to write, which all other changes wait for; nothing was \
         imported; split the file",
        limit.as_secs()
    )]
    ImportTooLong {
        /// The time limit.
        limit: Duration,
    },
    /// Tokens need an issuer, and it is unknown.
    #[error("issuer: it is not set, and no server has started on this database yet")]
    IssuerMissing,
    /// The caller lacks a scope of `urn:tokend`.
    #[error("this needs the scope {} of urn:tokend", scope.as_str())]
    ScopeMissing {
        /// The scope.
        scope: AdminScope,
    },
    /// The client holds scopes of `urn:tokend`, or owners, that the caller lacks, or may use them
    /// where the caller may not.
    #[error(
        "{client} holds scopes of urn:tokend or owners that the caller lacks, or is less restricted \
         by networks, DPoP or certificates"
    )]
    MorePowerful {
        /// The client.
        client: ClientId,
    },
    /// The caller would grant scopes of `urn:tokend`, or owners, that it lacks.
    #[error("grant: it has scopes of urn:tokend or owners that the caller lacks")]
    RightsNotHeld,
    /// The policy of an owner does not allow the change.
    #[error(transparent)]
    OwnerPolicy(#[from] PolicyViolation),
    /// The caller is limited to other owners.
    #[error("owner: the caller cannot administer {}", objects_of(owner.as_ref()))]
    OwnerNotHeld {
        /// The owner; `None` for objects without an owner.
        owner: Option<Owner>,
    },
    /// The caller is limited to owners.
    #[error("{what} needs an administrator without a limit of owners")]
    Limited {
        /// The change or the query.
        what: &'static str,
    },
    /// The owners of the caller changed during the request.
    #[error("the owners that the caller administers changed during the request; send it again")]
    LimitChanged,
    /// The resource belongs to another owner, which has not approved the grant.
    #[error(
        "grant: {resource} belongs to another owner, whose administrators approve a grant of it; \
         request the grant with its scopes and claims"
    )]
    ApprovalNeeded {
        /// The resource.
        resource: ResourceId,
    },
    /// A grant request changed since the caller read it.
    #[error(
        "revision: the grant request has revision {current}, and {given} is given; read it again"
    )]
    RevisionChanged {
        /// The revision that the caller has read.
        given: i64,
        /// The current revision.
        current: i64,
    },
    /// The state of the object does not permit the change.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// Too many secrets are waiting to be hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
    /// A key or a secret could not be generated, sealed or opened.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl AdminError {
    /// Returns the stable code of the error.
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
            Self::TokenRejected(_) => AdminErrorCode::TokenRefused,
            Self::TokenInvalid(_) => AdminErrorCode::TokenInvalid,
            Self::TokenForServer => AdminErrorCode::TokenForServer,
            Self::InLine { problem, .. } => problem.code(),
            Self::ImportTooLong { .. } => AdminErrorCode::ImportTooLong,
            Self::IssuerMissing => AdminErrorCode::IssuerMissing,
            Self::ScopeMissing { .. } => AdminErrorCode::ScopeMissing,
            Self::MorePowerful { .. } => AdminErrorCode::ClientMorePowerful,
            Self::RightsNotHeld => AdminErrorCode::RightsNotHeld,
            Self::OwnerPolicy(violation) => violation.code(),
            Self::OwnerNotHeld { .. } => AdminErrorCode::OwnerNotHeld,
            Self::Limited { .. } => AdminErrorCode::AdministratorLimited,
            Self::LimitChanged => AdminErrorCode::AdministratorLimitChanged,
            Self::RevisionChanged { .. } => AdminErrorCode::RevisionChanged,
            Self::ApprovalNeeded { .. } => AdminErrorCode::GrantApprovalNeeded,
            Self::Precondition(PreconditionError::RevisionMissing) => {
                AdminErrorCode::PreconditionRequired
            }
            Self::Precondition(_) => AdminErrorCode::PreconditionFailed,
            Self::Busy(_) => AdminErrorCode::HashQueueFull,
            Self::Store(error) => of_store(error),
            Self::Crypto(_) => AdminErrorCode::CryptographyFailed,
        }
    }

    /// Returns the error for an object that does not exist. It redacts secrets, because a caller
    /// may have sent one in place of the identifier.
    pub fn not_found(kind: ObjectKind, id: impl Display) -> Self {
        Self::NotFound { kind, id: redact(&id.to_string()).into_owned() }
    }

    /// Returns the error for a value that is not allowed.
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

fn of_store(error: &StoreError) -> AdminErrorCode {
    match error {
        StoreError::OutcomeUnknown(_) => AdminErrorCode::OutcomeUnknown,
        StoreError::TimedOut(_)
        | StoreError::Failed(_)
        | StoreError::Unreachable { .. }
        | StoreError::NotIdentified => AdminErrorCode::DatabaseFailed,
        _ => AdminErrorCode::DatabaseUnreadable,
    }
}

fn objects_of(owner: Option<&Owner>) -> String {
    owner.map_or_else(
        || "objects without an owner".to_owned(),
        |owner| format!("objects of the owner {owner}"),
    )
}

impl From<HashError> for AdminError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy(busy) => Self::Busy(busy),
            HashError::Crypto(error) => Self::Crypto(error),
        }
    }
}

impl From<SourceConflict> for AdminError {
    fn from(conflict: SourceConflict) -> Self {
        Conflict::from(conflict).into()
    }
}

impl From<UnreadableObjects> for AdminError {
    fn from(objects: UnreadableObjects) -> Self {
        Conflict::Unreadable(objects).into()
    }
}

impl AdminError {
    /// Returns the error for a failed insertion. A conflict names the object that already exists.
    pub(super) fn of_insertion(error: StoreError, kind: &str, id: impl Display) -> Self {
        match error {
            StoreError::Conflict(_) => Conflict::AlreadyExists(format!("{kind} {id}")).into(),
            other => other.into(),
        }
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
