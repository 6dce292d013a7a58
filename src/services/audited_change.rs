//! An audited change: rows and their events, in one transaction.

use serde_json::Value;

use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::event::{Action, Event, EventOwners, EventSubject};
use crate::model::person::Person;
use crate::model::resource::ResourceId;
use crate::model::time::{Clock, Timestamp};
use crate::services::{Services, event_chain};
use crate::store::reader::Reader;
use crate::store::write_transaction::WriteTransaction;
use crate::store::{Store, StoreError};

/// The actor of an event, such as `cli:ana` or `server`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor(String);

impl Actor {
    /// Creates an actor of this kind. The name is truncated, and control characters are removed.
    pub fn new(kind: &str, name: &str) -> Self {
        let name: String =
            name.chars().filter(|c| !c.is_control()).take(Self::MAX_NAME_LENGTH).collect();
        Self(format!("{kind}:{name}"))
    }

    /// The maximum length of the name of an actor, in characters.
    pub const MAX_NAME_LENGTH: usize = 80;

    /// Creates an actor with a name that an operator gave. An invalid name is rejected.
    pub fn named(kind: &str, name: &str) -> Result<Self, Malformed> {
        let length = name.chars().count();
        let is_blank = name.trim().is_empty();
        if is_blank || length > Self::MAX_NAME_LENGTH || name.chars().any(char::is_control) {
            return Err(Malformed::because(format!(
                "the name of an actor is 1 to {} characters long, without control characters",
                Self::MAX_NAME_LENGTH
            )));
        }
        Ok(Self::new(kind, name))
    }

    /// Returns the actor of the server itself.
    pub fn server() -> Self {
        Self("server".to_owned())
    }

    /// Returns the actor as text, as in events.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the actor of a client that manages its own tokens, with its full id.
    pub fn client(id: &ClientId) -> Self {
        Self(format!("client:{id}"))
    }

    /// Returns the actor of a person of the identity provider, with full issuer and subject.
    pub fn person(person: &Person) -> Self {
        Self(person.to_string())
    }
}

/// A change in progress, with the data of its events.
pub struct AuditedChange {
    /// The transaction that is written.
    pub transaction: WriteTransaction,
    /// The time of the whole change, by the clock of this process.
    pub now: Timestamp,
    /// The time of the database, for values that all instances compare.
    pub database_now: Timestamp,
    actor: Actor,
    mode: WriteMode,
}

/// Mode of a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WriteMode {
    /// Changes are stored.
    #[default]
    Store,
    /// Everything is checked, and nothing is stored: each transaction is rolled back.
    DryRun,
}

impl AuditedChange {
    /// Begins a transaction. No other process can write until [`AuditedChange::commit`], so results
    /// of [`AuditedChange::read`] stay valid.
    pub async fn begin(services: &Services, actor: &Actor) -> Result<Self, StoreError> {
        Self::begin_on(&services.store, &services.clock, actor).await
    }

    /// Like [`AuditedChange::begin`], without keys. For a change after the loss of the keys.
    pub async fn begin_on(store: &Store, clock: &Clock, actor: &Actor) -> Result<Self, StoreError> {
        Self::with_transaction(store.begin().await?, clock, actor).await
    }

    /// Like [`AuditedChange::begin`], in the transaction of a restore, which has already begun.
    pub async fn with_transaction(
        mut transaction: WriteTransaction,
        clock: &Clock,
        actor: &Actor,
    ) -> Result<Self, StoreError> {
        let database_now = transaction.time(clock).await?;
        let (now, mode) = (clock.now(), WriteMode::default());
        Ok(Self { transaction, now, database_now, actor: actor.clone(), mode })
    }

    /// Sets the mode of the change.
    #[must_use]
    pub fn in_mode(self, mode: WriteMode) -> Self {
        Self { mode, ..self }
    }

    /// Reads inside the transaction: committed data, and the writes of this change.
    pub fn read(&mut self) -> Reader<'_> {
        self.transaction.read()
    }

    /// Returns the sequence of the next event.
    pub fn next_sequence(&self) -> i64 {
        self.transaction.head().sequence + 1
    }

    /// Appends the event of the change, with the current owner of its subject. `detail` must not
    /// contain a secret.
    pub async fn record(
        &mut self,
        action: Action,
        subject: EventSubject,
        detail: Value,
    ) -> Result<(), StoreError> {
        let owner = match &subject {
            EventSubject::Client(id) => self.read().client_owner(id).await?,
            EventSubject::Resource(id) => self.read().resource_owner(id).await?,
            EventSubject::OwnerPolicy(scope) => scope.owner().cloned(),
            EventSubject::SigningKey(_)
            | EventSubject::Token(_)
            | EventSubject::GrantRequest(_)
            | EventSubject::ConsoleSession(_)
            | EventSubject::MasterKey
            | EventSubject::AuditLog => None,
        };
        let owners = EventOwners { owner, other_owner: None };
        self.record_with_owners(action, subject, owners, detail).await
    }

    /// Returns the name of the actor in the events of this change.
    pub fn actor_name(&self) -> &str {
        &self.actor.0
    }

    /// Returns the owners of both sides of a grant.
    pub async fn owners_of_grant(
        &mut self,
        client: &ClientId,
        resource: &ResourceId,
    ) -> Result<EventOwners, StoreError> {
        Ok(EventOwners {
            owner: self.read().client_owner(client).await?,
            other_owner: self.read().resource_owner(resource).await?,
        })
    }

    /// Appends the event of the change with these owners. For a grant, which has two sides, and for
    /// a subject that is deleted or changes its owner.
    pub async fn record_with_owners(
        &mut self,
        action: Action,
        subject: EventSubject,
        owners: EventOwners,
        detail: Value,
    ) -> Result<(), StoreError> {
        let head = self.transaction.head().clone();
        let mut event = Event {
            sequence: head.sequence + 1,
            at: self.now,
            actor: self.actor.0.clone(),
            action: action.as_str().to_owned(),
            subject: subject.to_string(),
            detail: detail.to_string(),
            owners,
            previous_hash: head.hash,
            hash: String::new(),
        };
        event.hash = event_chain::hash(&event);
        self.transaction.append(&event).await
    }

    /// Commits the change and notifies the followers. A dry run stores nothing.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.mode {
            WriteMode::Store => self.transaction.commit().await,
            // Dropping the transaction rolls it back.
            WriteMode::DryRun => Ok(()),
        }
    }
}
