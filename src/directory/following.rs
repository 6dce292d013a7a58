//! Following the events: what others have changed is loaded into memory, page by page.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use crate::directory::{Directory, DirectoryError, PAGE_SIZE, event_log};
use crate::keys::seal::MasterKeys;
use crate::model::client::ClientId;
use crate::model::event::{Event, EventSubject, Head};
use crate::model::time::Timestamp;
use crate::store::Store;

/// How far an instance has followed the events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The sequence of the last event that is in memory; 0 while everything is loaded anew.
    pub sequence: i64,
    /// How often everything was loaded anew, because the chain did not continue: the events may be
    /// others than before.
    pub reloads: u64,
}

/// From so many events on, it is faster to load everything than to follow them.
const MAX_EVENTS_TO_RESUME: i64 = 100_000;

/// How many clients are loaded at once.
const BATCH_SIZE: usize = 250;

/// From so many changed clients on, all revocations of clients are loaded instead of one by one.
const MAX_SINGLE_LOADS: usize = 500;

/// The sequence of an instance that has not loaded anything.
const NOTHING_LOADED: i64 = 0;

impl Directory {
    /// The sequence of the last event that is in memory with all events before it. A token request
    /// reads it **before** it looks anything up, and its token carries it as `evt` (D24).
    ///
    /// It falls to 0 while everything is loaded anew.
    pub fn published_sequence(&self) -> i64 {
        self.published.load(Ordering::Acquire)
    }

    /// Says that all events up to this one are in memory. What was written before this is seen by
    /// every request that reads the new number.
    pub(super) fn publish(&self, sequence: i64) {
        self.published.store(sequence, Ordering::Release);
        self.progress.send_modify(|progress| {
            progress.sequence = sequence;
            progress.reloads += u64::from(sequence == NOTHING_LOADED);
        });
    }

    /// Reports each change of [`Directory::published_sequence`] to those who wait for events.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Reads the events that have come since the last time and loads what they name. True if
    /// there were any.
    ///
    /// If the chain does not continue where this memory is, the database is another one than
    /// before: a standby that lacks the last changes, or a restored backup. Then everything is
    /// loaded anew.
    ///
    /// # Errors
    /// The database failed, or a signing key cannot be opened while everything is loaded. The next
    /// call continues from the same place.
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
                tracing::warn!("the event chain does not continue: everything is loaded anew");
                self.metrics.count_reload();
                self.publish(NOTHING_LOADED);
                // If loading fails halfway, no chain continues from here: the next call loads
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

    /// Continues from a snapshot: loads the keys, which are few, and follows the events since. If
    /// there are too many of them, or the chain does not have the place of the snapshot, everything
    /// is loaded. Secrets that are still the same keep what is remembered of them.
    ///
    /// # Errors
    /// The database failed, or a signing key cannot be opened.
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

    /// Loads what a page of events names.
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
                // A reset is made only while no instance runs. A rotation changes no key, only its
                // seal. Tokens depend neither on policies, the
                // console nor the log itself.
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

    /// Loads the revocations of all tokens of some clients.
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

/// The end of `events` if they continue from `head` without a gap.
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

    /// After a load that failed halfway, not even the first event of a database continues.
    #[test]
    fn no_chain_continues_from_a_load_that_failed() {
        let nothing = Head { sequence: -1, hash: String::new() };
        assert_eq!(extends_chain(&nothing, &[event(1, "")]), None);
    }
}
