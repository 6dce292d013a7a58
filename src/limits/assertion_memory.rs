//! Client assertions that one instance has accepted and the database does not have yet. They are in
//! bounded memory, for the time that the database is unavailable (RFC 7523, section 3, item 7).
//!
//! Assertions that the database has are remembered as well, while there is capacity. During an
//! outage, only this memory shows that they were used before.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::replay_cache::ReplayRejection;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;

/// The maximum number of remembered assertions, about 25 MB.
const MAX_ENTRIES: usize = 100_000;

/// The maximum number of assertions of one client, so that it leaves capacity to others.
const MAX_OF_ONE_CLIENT: usize = MAX_ENTRIES / 8;

/// The number of seconds after which a client may retry.
const RETRY_SECONDS: u32 = 60;

/// Assertions by replay key.
#[derive(Debug)]
pub struct AssertionMemory {
    max: usize,
    max_of_one: usize,
    known: Mutex<Known>,
    entries: AtomicUsize,
}

#[derive(Debug)]
struct Known {
    assertions: HashMap<String, Remembered>,
    by_client: HashMap<ClientId, usize>,
    /// The time of the last sweep of expired assertions.
    swept_at: Timestamp,
}

#[derive(Debug)]
struct Remembered {
    client_id: ClientId,
    expires_at: Timestamp,
    state: AssertionState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AssertionState {
    /// A request is using it and does not know yet whether the database accepts it.
    InFlight,
    /// Accepted without the database.
    Accepted,
    /// Stored in the database.
    Stored,
}

/// An accepted assertion that the database does not have yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedAssertion {
    /// The hash of the client and its `jti`.
    pub replay_key: String,
    /// The client id.
    pub client_id: ClientId,
    /// The time until which it must be remembered.
    pub expires_at: Timestamp,
}

impl Default for AssertionMemory {
    fn default() -> Self {
        Self {
            max: MAX_ENTRIES,
            max_of_one: MAX_OF_ONE_CLIENT,
            known: Mutex::new(Known {
                assertions: HashMap::new(),
                by_client: HashMap::new(),
                swept_at: Timestamp(0),
            }),
            entries: AtomicUsize::new(0),
        }
    }
}

impl AssertionMemory {
    /// Remembers an assertion that has not been seen. The caller must then call [`Self::accept`],
    /// [`Self::keep_stored`] or [`Self::remove`].
    ///
    /// # Errors
    /// If it has been seen, or the memory is full.
    pub fn take(
        &self,
        assertion: AcceptedAssertion,
        now: Timestamp,
    ) -> Result<(), ReplayRejection> {
        let AcceptedAssertion { replay_key, client_id, expires_at } = assertion;
        let mut known = self.known();
        if known.assertions.contains_key(&replay_key) {
            return Err(ReplayRejection::Seen);
        }
        // A sweep over all entries, at most once a second.
        if known.assertions.len() >= self.max && known.swept_at < now {
            known.sweep(now);
        }
        if known.assertions.len() >= self.max {
            return Err(ReplayRejection::Full);
        }
        let of_client = known.by_client.get(&client_id).copied().unwrap_or(0);
        if of_client >= self.max_of_one {
            return Err(ReplayRejection::FullForOne(RETRY_SECONDS));
        }
        known.by_client.insert(client_id.clone(), of_client + 1);
        let state = AssertionState::InFlight;
        known.assertions.insert(replay_key, Remembered { client_id, expires_at, state });
        self.count(&known);
        Ok(())
    }

    /// Records that an assertion is accepted without the database, which stores it later. Returns
    /// false if it is not remembered, so that it must be rejected.
    pub fn accept(&self, replay_key: &str) -> bool {
        let mut known = self.known();
        let Some(assertion) = known.assertions.get_mut(replay_key) else { return false };
        assertion.state = AssertionState::Accepted;
        true
    }

    /// Records that the database has an assertion. It is remembered while there is capacity.
    pub fn keep_stored(&self, replay_key: &str) {
        let mut known = self.known();
        let Some(assertion) = known.assertions.get_mut(replay_key) else { return };
        if std::mem::replace(&mut assertion.state, AssertionState::Stored) != AssertionState::Stored
        {
            let client_id = assertion.client_id.clone();
            known.release(&client_id);
        }
    }

    /// Removes an assertion that the database has or that was rejected.
    pub fn remove(&self, replay_key: &str) {
        let mut known = self.known();
        known.remove(replay_key);
        self.count(&known);
    }

    /// Returns at most `max` assertions that the database should store.
    pub fn accepted(&self, max: usize) -> Vec<AcceptedAssertion> {
        if self.entries() == 0 {
            return Vec::new();
        }
        let known = self.known();
        let accepted = known
            .assertions
            .iter()
            .filter(|(_, assertion)| assertion.state == AssertionState::Accepted);
        let taken = accepted.map(|(replay_key, assertion)| AcceptedAssertion {
            replay_key: replay_key.clone(),
            client_id: assertion.client_id.clone(),
            expires_at: assertion.expires_at,
        });
        taken.take(max).collect()
    }

    /// Returns how many assertions are remembered.
    pub fn entries(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    fn count(&self, known: &Known) {
        self.entries.store(known.assertions.len(), Ordering::Relaxed);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // The maps are consistent, even if a thread panicked with the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn remove(&mut self, replay_key: &str) {
        let Some(removed) = self.assertions.remove(replay_key) else { return };
        if removed.state != AssertionState::Stored {
            self.release(&removed.client_id);
        }
    }

    /// Gives one entry back to the share of a client.
    fn release(&mut self, client_id: &ClientId) {
        if let Some(of_client) = self.by_client.get_mut(client_id) {
            *of_client -= 1;
            if *of_client == 0 {
                self.by_client.remove(client_id);
            }
        }
    }

    /// Drops assertions that have expired or that the database has.
    fn sweep(&mut self, now: Timestamp) {
        self.swept_at = now;
        let is_unneeded = |assertion: &Remembered| {
            assertion.expires_at <= now || assertion.state == AssertionState::Stored
        };
        let unneeded = self.assertions.iter().filter(|(_, assertion)| is_unneeded(assertion));
        let unneeded: Vec<_> = unneeded.map(|(replay_key, _)| replay_key.clone()).collect();
        for replay_key in unneeded {
            self.remove(&replay_key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assertion(name: &str, client: &str, expires_at: i64) -> AcceptedAssertion {
        AcceptedAssertion {
            replay_key: name.to_owned(),
            client_id: ClientId::parse(client).expect("an id"),
            expires_at: Timestamp(expires_at),
        }
    }

    #[test]
    fn an_assertion_is_taken_once_until_it_is_forgotten() {
        let memory = AssertionMemory::default();
        let take = |name: &str| memory.take(assertion(name, "c", 100), Timestamp(0));
        assert_eq!((take("a"), take("a")), (Ok(()), Err(ReplayRejection::Seen)));
        assert!(memory.accepted(9).is_empty(), "nobody knows yet whether the database has it");
        assert!(memory.accept("a") && !memory.accept("unknown"));
        assert_eq!(memory.accepted(9), [assertion("a", "c", 100)]);
        assert_eq!(take("b"), Ok(()));
        memory.remove("b");
        memory.remove("a");
        assert_eq!((memory.entries(), take("a")), (0, Ok(())));
        memory.remove("a");
        assert!(memory.known().by_client.is_empty(), "nothing is left behind");
    }

    #[test]
    fn stored_assertions_are_evicted_before_unstored_ones() {
        let memory = AssertionMemory { max: 2, max_of_one: 1, ..AssertionMemory::default() };
        let take = |name: &str, now: i64| memory.take(assertion(name, "c", 100), Timestamp(now));
        assert_eq!(take("a", 1), Ok(()));
        memory.keep_stored("a");
        memory.keep_stored("a");
        assert_eq!(take("a", 1), Err(ReplayRejection::Seen));
        assert_eq!(take("b", 1), Ok(()), "it is not a part of the share of the client");
        memory.keep_stored("b");
        assert!(memory.accepted(9).is_empty());
        assert_eq!(take("c", 2), Ok(()));
        assert_eq!(memory.entries(), 1);
    }

    #[test]
    fn the_memory_is_bounded_and_one_client_leaves_capacity_to_others() {
        let memory = AssertionMemory { max: 3, max_of_one: 2, ..AssertionMemory::default() };
        let take = |name: &str, client: &str, now: i64| {
            memory.take(assertion(name, client, 100), Timestamp(now))
        };
        assert_eq!((take("a", "c", 0), take("b", "c", 0)), (Ok(()), Ok(())));
        assert_eq!(take("c", "c", 0), Err(ReplayRejection::FullForOne(RETRY_SECONDS)));
        assert_eq!((take("c", "d", 0), take("d", "d", 0)), (Ok(()), Err(ReplayRejection::Full)));
        assert_eq!(take("d", "d", 100), Ok(()), "the others have expired");
        assert_eq!(memory.entries(), 1);
    }
}
