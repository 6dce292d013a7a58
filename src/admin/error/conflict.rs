//! Conflicts between a change and the stored state.

use crate::admin::error::source_conflict::SourceConflict;
use crate::admin::error::unreadable::UnreadableObjects;
use crate::admin::master_key::RotationConflict;
use crate::admin::signing_key::impact::Impact;
use crate::model::client::ClientId;
use crate::model::grant_request::{GrantRequestId, GrantRequestState};
use crate::model::resource::ResourceId;

/// Why a change conflicts with the stored state.
#[derive(Debug, thiserror::Error)]
pub enum Conflict {
    /// An object of this kind already has the identifier.
    #[error("there is already a {0}")]
    AlreadyExists(String),
    /// The client would have too many valid secrets.
    #[error("the client would have {live} valid secrets; secrets.max_per_client is {max}")]
    SecretLimit {
        /// The number of valid secrets that the client would have.
        live: usize,
        /// The maximum in the settings.
        max: usize,
    },
    /// A client cannot have both keys and a `jwks_uri`.
    #[error("a client has keys of its own or a jwks_uri, not both: remove the one first")]
    KeySource,
    /// The resource is the built-in one of this server.
    #[error("{0} is this server itself and cannot be deleted; remove its grants instead")]
    BuiltInResource(ResourceId),
    /// The resource is the built-in one of this server, whose scopes are fixed.
    #[error("{0} is this server itself; its scopes cannot be changed")]
    BuiltInScopes(ResourceId),
    /// The master key opens every key.
    #[error("nothing is lost: the master key opens every key of this database")]
    NoKeyLost,
    /// The master key cannot be read.
    #[error("{0}")]
    MasterKey(String),
    /// The keys of the database cannot be sealed again.
    #[error(transparent)]
    Rotation(#[from] RotationConflict),
    /// The change conflicts with the source of an object.
    #[error(transparent)]
    Source(#[from] SourceConflict),
    /// The secrets of a client changed during an import.
    #[error("the secrets of the client changed meanwhile; run the import again")]
    ChangedDuringImport,
    /// The grant does not need the approval of another owner.
    #[error("the client and {0} have the same owner: the grant is given without a request")]
    GrantRequestNotNeeded(ResourceId),
    /// The grant request is no longer pending.
    #[error("grant request {id} is {}, not pending", state.as_str())]
    GrantRequestEnded {
        /// The request.
        id: GrantRequestId,
        /// The current state of the request.
        state: GrantRequestState,
    },
    /// A client has the maximum number of pending grant requests.
    #[error("{client} has {max} pending grant requests, which is the maximum")]
    GrantRequestLimit {
        /// The client.
        client: ClientId,
        /// The maximum.
        max: usize,
    },
    /// A step with signing keys breaks tokens or verifiers.
    #[error("{0}")]
    BreaksVerifiers(Impact),
    /// The key set has the maximum number of keys.
    #[error("the key set has {max} keys, which is the maximum; wait until some have left it")]
    SigningKeyLimit {
        /// The maximum.
        max: usize,
    },
    /// The audit log has no event.
    #[error("the audit log has no event yet, so there is nothing to sign")]
    AuditLogEmpty,
    /// The audit log differs from the one that was signed.
    #[error("the audit log was altered: event {0} does not fit the chain or a signed checkpoint")]
    AuditLogAltered(i64),
    /// Objects cannot be read, and a response without them would be wrong.
    #[error("{0}")]
    Unreadable(UnreadableObjects),
    /// Clients of an import already exist; the text lists them.
    #[error("{0}")]
    Import(String),
    /// A conflict in a line of an import.
    #[error("line {line}: {conflict}; nothing was imported")]
    InLine {
        /// The number of the line, from 1.
        line: usize,
        /// The conflict.
        conflict: Box<Conflict>,
    },
}
