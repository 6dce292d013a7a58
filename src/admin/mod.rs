//! The operator's verbs, a file a noun. Each checks, writes its change and the event of it in one
//! transaction, and gives back what it made.
//!
//! The command line calls them; so will the admin API. They work on the database, and running
//! servers follow the events.

pub mod audit;
pub mod client;
pub mod grant;
pub mod import;
pub mod resource;
pub mod secret;
pub mod signing_key;

use serde_json::Value;

use crate::app::Foundation;
use crate::crypto::{CryptoError, chain};
use crate::model::Malformed;
use crate::model::client::{ClientId, Registration};
use crate::model::event::{Action, Event, Subject};
use crate::model::resource::{Resource, ResourceId};
use crate::model::time::Timestamp;
use crate::store::StoreError;
use crate::store::change::Change;

/// Who does it: `cli:ana`, `server`.
#[derive(Debug, Clone)]
pub struct Actor(String);

impl Actor {
    /// An actor of that kind and name; at most 100 characters, no control characters.
    pub fn new(kind: &str, name: &str) -> Self {
        let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        Self(format!("{kind}:{name}"))
    }

    /// The server itself.
    pub fn server() -> Self {
        Self("server".to_owned())
    }
}

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

/// A change in the making, with everything an event needs.
struct Work {
    change: Change,
    actor: Actor,
    now: Timestamp,
}

impl Work {
    /// Begins a change. From here on nobody else changes anything, so what is read through the
    /// store stays true until [`Work::commit`].
    async fn begin(foundation: &Foundation, actor: &Actor) -> Result<Self, AdminError> {
        Ok(Self {
            change: foundation.store.begin().await?,
            actor: actor.clone(),
            now: foundation.clock.now(),
        })
    }

    /// Appends the event of what has been written. `detail` never holds a secret.
    async fn record(
        &mut self,
        action: Action,
        subject: Subject,
        detail: Value,
    ) -> Result<(), AdminError> {
        let head = self.change.head().clone();
        let mut event = Event {
            sequence: head.sequence + 1,
            at: self.now,
            actor: self.actor.0.clone(),
            action: action.as_str().to_owned(),
            subject: subject.to_string(),
            detail: detail.to_string(),
            previous_hash: head.hash,
            hash: String::new(),
        };
        event.hash = chain::hash(&event);
        self.change.append(&event).await?;
        Ok(())
    }

    async fn commit(self) -> Result<(), AdminError> {
        Ok(self.change.commit().await?)
    }
}

/// Reads a client that must exist.
async fn registration(foundation: &Foundation, id: &ClientId) -> Result<Registration, AdminError> {
    foundation.store.registration(id).await?.ok_or_else(|| AdminError::NotFound {
        kind: "client",
        id: id.to_string(),
        remedy: "tokend client list shows them",
    })
}

/// Reads a resource that must exist.
async fn existing_resource(
    foundation: &Foundation,
    id: &ResourceId,
) -> Result<Resource, AdminError> {
    foundation.store.resource(id).await?.ok_or_else(|| AdminError::NotFound {
        kind: "resource",
        id: id.to_string(),
        remedy: "tokend resource list shows them, tokend resource create makes one",
    })
}
