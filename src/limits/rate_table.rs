//! Rate counters of many keys in a table of fixed size, so that no caller can exhaust the memory.
//! Two keys may share a counter.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::limits::rate_counter::{RateCounter, RateExceeded};
use crate::model::rate::Rate;
use crate::model::time::Timestamp;

/// Counts by key, with the same rate for each key.
#[derive(Debug)]
pub struct RateTable {
    rate: ArcSwap<Rate>,
    counters: Box<[RateCounter]>,
    /// Seeded randomly in each process, so that an attacker cannot choose a counter to share.
    hasher: RandomState,
}

impl RateTable {
    /// Creates a table with this number of counters, at least one.
    pub fn new(rate: Rate, buckets: usize) -> Self {
        let counters = (0..buckets.max(1)).map(|_| RateCounter::default()).collect();
        let rate = ArcSwap::from_pointee(rate);
        Self { rate, counters, hasher: RandomState::new() }
    }

    /// Sets the rate for all keys. The counts of the current window stay.
    pub fn set_rate(&self, rate: Rate) {
        self.rate.store(Arc::new(rate));
    }

    fn rate(&self) -> Rate {
        **self.rate.load()
    }

    fn counter<K: Hash + ?Sized>(&self, key: &K) -> &RateCounter {
        let buckets = self.counters.len() as u64;
        let hash = usize::try_from(self.hasher.hash_one(key) % buckets).unwrap_or(0);
        // The remainder is smaller than the length of the table.
        &self.counters[hash]
    }

    /// Adds one to the count of a key, if the rate allows it.
    ///
    /// # Errors
    /// The time that the key must wait.
    pub fn count<K: Hash + ?Sized>(&self, key: &K, now: Timestamp) -> Result<(), RateExceeded> {
        self.counter(key).count(self.rate(), now)
    }

    /// True if the key has no count in this window.
    pub fn is_unused<K: Hash + ?Sized>(&self, key: &K, now: Timestamp) -> bool {
        self.counter(key).is_unused(self.rate(), now)
    }

    /// Reverts one count of a key.
    pub fn refund<K: Hash + ?Sized>(&self, key: &K, now: Timestamp) {
        self.counter(key).refund(self.rate(), now);
    }
}
