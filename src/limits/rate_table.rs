//! Rates of many keys in a table of fixed size, so that no caller can fill the memory. Two keys may
//! share a place.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::limits::rate_counter::{RateCounter, RateExceeded};
use crate::model::rate::Rate;
use crate::model::time::Timestamp;

/// Counts by key. Each key has the same rate.
#[derive(Debug)]
pub struct RateTable {
    rate: ArcSwap<Rate>,
    counters: Box<[RateCounter]>,
    /// Keyed anew in each process, so that an attacker cannot choose a bucket to share.
    hasher: RandomState,
}

impl RateTable {
    /// A table of so many buckets; at least one.
    pub fn new(rate: Rate, buckets: usize) -> Self {
        let counters = (0..buckets.max(1)).map(|_| RateCounter::default()).collect();
        let rate = ArcSwap::from_pointee(rate);
        Self { rate, counters, hasher: RandomState::new() }
    }

    /// Sets another rate for all keys. The counts of the present window stay.
    pub fn set_rate(&self, rate: Rate) {
        self.rate.store(Arc::new(rate));
    }

    fn rate(&self) -> Rate {
        **self.rate.load()
    }

    fn counter<K: Hash + ?Sized>(&self, key: &K) -> &RateCounter {
        let buckets = self.counters.len() as u64;
        let hash = usize::try_from(self.hasher.hash_one(key) % buckets).unwrap_or(0);
        // The remainder is smaller than the table is long.
        &self.counters[hash]
    }

    /// Counts one more of a key, if the rate allows it.
    ///
    /// # Errors
    /// How long the key must wait.
    pub fn count<K: Hash + ?Sized>(&self, key: &K, now: Timestamp) -> Result<(), RateExceeded> {
        self.counter(key).count(self.rate(), now)
    }

    /// True if nothing has been counted of a key in this window.
    pub fn is_unused<K: Hash + ?Sized>(&self, key: &K, now: Timestamp) -> bool {
        self.counter(key).is_unused(self.rate(), now)
    }

    /// Takes one back that turned out not to count.
    pub fn refund<K: Hash + ?Sized>(&self, key: &K, now: Timestamp) {
        self.counter(key).refund(self.rate(), now);
    }
}
