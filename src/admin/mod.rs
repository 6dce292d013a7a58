//! The operator's verbs, a file a noun. Each checks, writes its change and the event of it in one
//! transaction, and gives back what it made.
//!
//! The command line calls them; so will the admin API. They work on the database, and running
//! servers follow the events.

pub mod audit;
pub mod client;
pub mod client_key;
pub mod client_list;
mod dead_scopes;
mod difference;
pub mod grant;
pub mod import;
pub mod key_rotation;
pub mod master_key;
pub mod pending;
pub mod rejection;
pub mod resource;
pub mod revocation;
pub mod secret;
pub mod secret_owner;
pub mod spiffe_trust;
mod suggestion;
pub mod trust;

pub use crate::admin::difference::Changed;
use crate::crypto::CryptoError;
use crate::model::Malformed;
use crate::model::client::{ClientId, Registration};
use crate::model::resource::{Resource, ResourceId};
use crate::services::Services;
pub use crate::services::audited_change::Actor;
use crate::services::audited_change::AuditedChange;
use crate::store::StoreError;

/// Why a verb was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// What it is about does not exist.
    #[error("there is no {kind} {id}; {remedy}")]
    NotFound {
        /// Its kind.
        kind: &'static str,
        /// Its identifier.
        id: String,
        /// How to find the right one.
        remedy: &'static str,
    },
    /// A question names something that does not exist.
    #[error("{kind} {id} does not exist")]
    Unknown {
        /// Its kind.
        kind: &'static str,
        /// Its identifier as given.
        id: String,
        /// The one that may be meant.
        suggestion: Option<String>,
        /// How to find the right one.
        remedy: &'static str,
    },
    /// It collides with what is there.
    #[error("{0}")]
    Conflict(String),
    /// A value is not allowed.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
    /// A key or a secret could not be made.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl AdminError {
    /// A value that is not allowed.
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }

    fn no_client(id: &ClientId) -> Self {
        Self::NotFound {
            kind: "client",
            id: id.to_string(),
            remedy: "tokend client list shows them",
        }
    }

    fn no_resource(id: &ResourceId) -> Self {
        Self::NotFound {
            kind: "resource",
            id: id.to_string(),
            remedy: "tokend resource list shows them, tokend resource create makes one",
        }
    }

    fn malformed(field: &'static str) -> impl Fn(Malformed) -> Self {
        move |malformed| Self::invalid(field, malformed.to_string())
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(what) => Self::Conflict(format!("there is already a {what}")),
            other => Self::Store(other),
        }
    }
}

/// Reads a client that must exist.
async fn registration(services: &Services, id: &ClientId) -> Result<Registration, AdminError> {
    services.store.registration(id).await?.ok_or_else(|| AdminError::no_client(id))
}

/// Reads a resource that must exist.
async fn existing_resource(services: &Services, id: &ResourceId) -> Result<Resource, AdminError> {
    services.store.resource(id).await?.ok_or_else(|| AdminError::no_resource(id))
}
