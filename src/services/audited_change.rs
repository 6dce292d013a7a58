//! A change in progress: rows and their events, in one transaction.

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

/// The actor: `cli:ana`, `server`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor(String);

impl Actor {
    /// An actor of that kind and name; at most 100 characters, no control characters.
    pub fn new(kind: &str, name: &str) -> Self {
        let name: String =
            name.chars().filter(|c| !c.is_control()).take(Self::MAX_NAME_LENGTH).collect();
        Self(format!("{kind}:{name}"))
    }

    /// The longest name that an operator may give, in characters.
    pub const MAX_NAME_LENGTH: usize = 80;

    /// An actor whose name an operator gave: what is not allowed is rejected, not removed.
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

    /// The server itself.
    pub fn server() -> Self {
        Self("server".to_owned())
    }

    /// The name, as events have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A client that does something to its own tokens. Its id is recorded in full.
    pub fn client(id: &ClientId) -> Self {
        Self(format!("client:{id}"))
    }

    /// A person of the identity provider, with issuer and subject in full.
    pub fn person(person: &Person) -> Self {
        Self(person.to_string())
    }
}

/// A change in progress, with everything that its events need.
pub struct AuditedChange {
    /// What is written.
    pub transaction: WriteTransaction,
    /// The time of all of it, by the clock of this process.
    pub now: Timestamp,
    /// The time by the clock of the database, for what all instances compare.
    pub database_now: Timestamp,
    actor: Actor,
    mode: WriteMode,
}

/// Whether changes last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WriteMode {
    /// They are stored.
    #[default]
    Store,
    /// Everything is checked, and nothing is stored: each transaction is rolled back.
    DryRun,
}

impl AuditedChange {
    /// Begins a transaction. From here on no other process changes anything until
    /// [`AuditedChange::commit`], so what [`AuditedChange::read`] gives stays true.
    pub async fn begin(services: &Services, actor: &Actor) -> Result<Self, StoreError> {
        Self::begin_on(&services.store, &services.clock, actor).await
    }

    /// The same without keys: for a change that is about their loss.
    pub async fn begin_on(store: &Store, clock: &Clock, actor: &Actor) -> Result<Self, StoreError> {
        Self::with_transaction(store.begin().await?, clock, actor).await
    }

    /// The same on a transaction that has begun already: that of a restore.
    pub async fn with_transaction(
        mut transaction: WriteTransaction,
        clock: &Clock,
        actor: &Actor,
    ) -> Result<Self, StoreError> {
        let database_now = transaction.time(clock).await?;
        let (now, mode) = (clock.now(), WriteMode::default());
        Ok(Self { transaction, now, database_now, actor: actor.clone(), mode })
    }

    /// The same change in another mode.
    #[must_use]
    pub fn in_mode(self, mode: WriteMode) -> Self {
        Self { mode, ..self }
    }

    /// Reads inside the transaction: what was committed, and what this change has written.
    pub fn read(&mut self) -> Reader<'_> {
        self.transaction.read()
    }

    /// The sequence of the next event that is recorded.
    pub fn next_sequence(&self) -> i64 {
        self.transaction.head().sequence + 1
    }

    /// Appends the event of what has been written, with the owner that its subject has now.
    /// `detail` never holds a secret.
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

    /// The name that the events of this change carry.
    pub fn actor_name(&self) -> &str {
        &self.actor.0
    }

    /// The owners of both sides of a grant.
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

    /// Appends the event of what has been written, with these owners: for a grant, which has two
    /// sides, and for a subject that is deleted or gets another owner.
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

    /// Makes all of it last, and wakes the followers. In a dry run nothing lasts.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.mode {
            WriteMode::Store => self.transaction.commit().await,
            // A transaction that is dropped leaves nothing behind.
            WriteMode::DryRun => Ok(()),
        }
    }
}
