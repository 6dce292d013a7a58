//! The last refusals, in a bounded ring, until they are written to the database: a command of the
//! operator is another process, and the instance that refused may be any of several.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::model::refusal::RefusalRecord;

/// How many are held until they are written.
const MOST: usize = 2000;

/// How many of one address are noted in a burst, so that a flood does not hide everybody else's.
const MOST_OF_ONE: usize = 200;

/// How many more of one address may come each time they are written.
const REFILL: usize = 50;

/// The refusals since they were last taken.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    records: Vec<RefusalRecord>,
    /// How much of its burst each address has used up.
    by_address: HashMap<String, usize>,
}

impl Refusals {
    /// Notes a refusal if there is room. Never waits: where two threads meet, one of them goes on
    /// without; the log has all of them.
    pub fn note(&self, address: &str, record: impl FnOnce() -> RefusalRecord) {
        let mut held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if held.records.len() >= MOST {
            return;
        }
        if let Some(count) = held.by_address.get_mut(address) {
            if *count >= MOST_OF_ONE {
                return;
            }
            *count += 1;
        } else {
            held.by_address.insert(address.to_owned(), 1);
        }
        held.records.push(record());
    }

    /// Takes everything that is held.
    pub fn take(&self) -> Vec<RefusalRecord> {
        let mut held = self.lock();
        held.by_address.retain(|_, used| {
            *used = used.saturating_sub(REFILL);
            *used > 0
        });
        std::mem::take(&mut held.records)
    }

    /// Holds what could not be written, for the next time: the latest of it, so that half of the
    /// room stays free for what comes.
    pub fn put_back(&self, mut records: Vec<RefusalRecord>) {
        let mut held = self.lock();
        records.drain(..records.len().saturating_sub(MOST / 2));
        records.append(&mut held.records);
        held.records = records;
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn note(refusals: &Refusals, address: &str) {
        refusals.note(address, || RefusalRecord {
            request_id: String::new(),
            at: Timestamp(0),
            status: 401,
            error: String::new(),
            address: address.to_owned(),
            client_id: None,
            reason: String::new(),
            remedy: None,
            hint: None,
        });
    }

    #[test]
    fn a_flood_from_one_address_leaves_room_for_the_others() {
        let refusals = Refusals::default();
        (0..2000).for_each(|_| note(&refusals, "a"));
        note(&refusals, "b");
        assert_eq!(refusals.take().len(), MOST_OF_ONE + 1);
        // It goes on, a little at a time.
        (0..2000).for_each(|_| note(&refusals, "a"));
        assert_eq!(refusals.take().len(), REFILL);
        (0..5000).for_each(|n| note(&refusals, &n.to_string()));
        assert_eq!(refusals.take().len(), MOST);
        assert!(refusals.take().is_empty());
        (0..20).for_each(|_| drop(refusals.take()));
        assert!(refusals.lock().by_address.is_empty());
    }

    #[test]
    fn what_could_not_be_written_is_held_without_shutting_others_out() {
        let refusals = Refusals::default();
        (0..MOST).for_each(|n| note(&refusals, &n.to_string()));
        refusals.put_back(refusals.take());
        (0..10).for_each(|_| note(&refusals, "later"));
        refusals.put_back(refusals.take());
        let addresses: Vec<_> = refusals.take().into_iter().map(|record| record.address).collect();
        assert_eq!(addresses.len(), MOST / 2);
        assert_eq!(addresses[0], (MOST / 2 + 10).to_string());
        assert_eq!(addresses.iter().filter(|address| *address == "later").count(), 10);
    }
}
