//! Follows the events: loads the changes of other instances and commands into memory, page by page.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use crate::directory::{Directory, DirectoryError, PAGE_SIZE, event_log};
use crate::keys::seal::MasterKeys;
use crate::model::client::ClientId;
use crate::model::event::{Event, EventSubject, Head};
use crate::model::time::Timestamp;
use crate::store::Store;

/// Progress of an instance in following the events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The sequence of the last event in memory. It is 0 during a full reload.
    pub sequence: i64,
    /// The number of full reloads, because the chain did not continue. The events may then differ
    /// from the earlier ones.
    pub reloads: u64,
}

/// Above this number of events, loading everything is faster than following them.
const MAX_EVENTS_TO_RESUME: i64 = 100_000;

/// The number of clients that are loaded at once.
const BATCH_SIZE: usize = 250;

/// Above this number of changed clients, all revocations of clients are loaded together.
const MAX_SINGLE_LOADS: usize = 500;

/// The sequence of an instance that has loaded nothing.
const NOTHING_LOADED: i64 = 0;

impl Directory {
    /// Returns the sequence of the last event that is in memory with all events before it. A token
    /// request reads it **before** any lookup, and its token has it as `evt` (D24).
    ///
    /// It is 0 during a full reload.
    pub fn published_sequence(&self) -> i64 {
        self.published.load(Ordering::Acquire)
    }

    /// Publishes that all events up to this one are in memory. Every request that reads the new
    /// sequence sees the data that was written before.
    pub(super) fn publish(&self, sequence: i64) {
        self.published.store(sequence, Ordering::Release);
        self.progress.send_modify(|progress| {
            progress.sequence = sequence;
            progress.reloads += u64::from(sequence == NOTHING_LOADED);
        });
    }

    /// Returns a receiver for changes of [`Directory::published_sequence`].
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Reads the new events and loads the changes that they name. True if there were any.
    ///
    /// If the chain does not continue from the last followed event, the database is a different
    /// one. It may be a standby that lacks the latest changes, or a restored backup. Everything is
    /// then loaded again.
    ///
    /// # Errors
    /// If the database fails, or a signing key cannot be unsealed during a full reload. The next
    /// call continues from the same event.
    pub async fn catch_up(
        &self,
        store: &Store,
        master: &MasterKeys,
        now: Timestamp,
    ) -> Result<bool, DirectoryError> {
        let mut followed_to = self.followed_to.lock().await;
        let head = store.head().await?;
        let is_behind = head != *followed_to;
        self.metrics.note_behind(head.sequence.saturating_sub(followed_to.sequence).max(0));
        while head != *followed_to {
            let events = store.events(followed_to.sequence, PAGE_SIZE).await?;
            if let Some(end) = extends_chain(&followed_to, &events) {
                self.load_changes(store, master, &events).await?;
                event_log::note(&events);
                for event in &events {
                    store.metrics.count_followed(&event.action);
                }
                *followed_to = end;
            } else {
                tracing::warn!("the hash chain does not continue: everything is loaded again");
                self.metrics.count_reload();
                self.publish(NOTHING_LOADED);
                // If the load fails, no chain continues from this head, so the next call loads
                // everything again.
                *followed_to = Head { sequence: -1, hash: String::new() };
                self.load_everything(store, master).await?;
                *followed_to = head.clone();
            }
            self.publish(followed_to.sequence);
            if followed_to.sequence > head.sequence {
                break;
            }
        }
        self.metrics.note_behind(0);
        self.followed_at.store(now.0, Ordering::Relaxed);
        Ok(is_behind)
    }

    /// Resumes from a snapshot: loads the signing keys and follows the events since. Loads
    /// everything if there are too many events, or if the chain does not contain the head of the
    /// snapshot. Unchanged secrets keep their memory.
    ///
    /// # Errors
    /// If the database fails, or a signing key cannot be unsealed.
    pub async fn resume(
        &self,
        store: &Store,
        master: &MasterKeys,
        now: Timestamp,
    ) -> Result<(), DirectoryError> {
        let (from, head) = (self.published_sequence(), store.head().await?);
        let events = head.sequence.saturating_sub(from);
        if events > MAX_EVENTS_TO_RESUME {
            let mut followed_to = self.followed_to.lock().await;
            tracing::info!(events, "the snapshot is too far behind: everything is loaded");
            self.load_everything(store, master).await?;
            followed_to.clone_from(&head);
            self.publish(head.sequence);
        } else {
            self.load_keyring(store, master).await?;
        }
        self.catch_up(store, master, now).await?;
        let clients = self.clients.len();
        tracing::info!(clients, from, events, "the memory was restored from the snapshot");
        Ok(())
    }

    /// Loads the changes that a page of events names.
    async fn load_changes(
        &self,
        store: &Store,
        master: &MasterKeys,
        events: &[Event],
    ) -> Result<(), DirectoryError> {
        let mut clients = HashSet::new();
        let (mut resources, mut keys) = (false, false);
        for event in events {
            match EventSubject::parse(&event.subject) {
                Ok(EventSubject::Client(id)) => {
                    clients.insert(id);
                }
                Ok(EventSubject::Resource(_)) => resources = true,
                Ok(EventSubject::SigningKey(_)) => keys = true,
                Ok(EventSubject::Token(jti)) => {
                    if let Some(token) = store.revoked_token(&jti).await? {
                        self.revocations.put_token(token);
                    }
                }
                // A reset is made only while no instance runs. A rotation of the master key changes
                // only seals. Tokens do not depend on policies, the console or the log.
                Ok(
                    EventSubject::GrantRequest(_)
                    | EventSubject::MasterKey
                    | EventSubject::AuditLog
                    | EventSubject::OwnerPolicy(_)
                    | EventSubject::ConsoleSession(_),
                ) => {}
                Err(_) => {
                    let subject = &event.subject;
                    tracing::warn!(subject, "this version does not know the subject of an event");
                }
            }
        }
        if resources {
            self.load_resources(store).await?;
        }
        self.load_revocations_of(store, &clients).await?;
        let clients: Vec<_> = clients.into_iter().collect();
        for some in clients.chunks(BATCH_SIZE) {
            self.load_clients_of(store, some).await?;
        }
        if keys {
            self.load_new_keys(store, master).await?;
        }
        Ok(())
    }

    /// Loads the revocations of all tokens of these clients.
    async fn load_revocations_of(
        &self,
        store: &Store,
        clients: &HashSet<ClientId>,
    ) -> Result<(), DirectoryError> {
        if clients.len() > MAX_SINGLE_LOADS {
            return self.load_revocations(store).await;
        }
        for id in clients {
            if let Some(revoked) = store.revoked_client(id).await? {
                self.revocations.put_client(revoked);
            }
        }
        Ok(())
    }
}

/// Returns the end of `events` if they continue from `head` without a gap.
fn extends_chain(head: &Head, events: &[Event]) -> Option<Head> {
    let mut end = head.clone();
    for event in events {
        if event.sequence != end.sequence + 1 || event.previous_hash != end.hash {
            return None;
        }
        end = Head { sequence: event.sequence, hash: event.hash.clone() };
    }
    (!events.is_empty()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventOwners;

    fn event(sequence: i64, previous_hash: &str) -> Event {
        Event {
            sequence,
            at: Timestamp(0),
            actor: String::new(),
            action: String::new(),
            subject: String::new(),
            detail: String::new(),
            owners: EventOwners::default(),
            previous_hash: previous_hash.to_owned(),
            hash: format!("hash of {sequence}"),
        }
    }

    #[test]
    fn a_chain_continues_without_a_gap_and_from_the_same_hash() {
        let head = Head { sequence: 4, hash: "hash of 4".to_owned() };
        let next = [event(5, "hash of 4"), event(6, "hash of 5")];
        assert_eq!(extends_chain(&head, &next).map(|end| end.sequence), Some(6));
        assert_eq!(extends_chain(&head, &next[1..]), None, "a gap");
        assert_eq!(extends_chain(&head, &[event(5, "other")]), None, "another history");
        assert_eq!(extends_chain(&head, &[]), None, "events were taken back");
    }

    /// After a failed load, not even the first event of a database continues the chain.
    #[test]
    fn no_chain_continues_from_a_load_that_failed() {
        let nothing = Head { sequence: -1, hash: String::new() };
        assert_eq!(extends_chain(&nothing, &[event(1, "")]), None);
    }
}
