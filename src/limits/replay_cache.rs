//! Remembers the names of recent proofs in bounded memory, so that no proof is accepted twice (RFC
//! 9449, section 11.1).

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::model::time::Timestamp;

/// The maximum number of names in one period. Each of the two periods takes at most about 20 MB.
const MAX_ENTRIES: usize = 500_000;

/// The maximum number of names of one client, so that it leaves capacity to others.
const MAX_OF_ONE_CLIENT: usize = MAX_ENTRIES / 8;

/// The number of characters of a name that are stored: 96 bits of a hash in base64url.
const DIGEST_PREFIX_BYTES: usize = 16;

/// Remembers names for one to two periods.
#[derive(Debug)]
pub struct ReplayCache {
    period_seconds: i64,
    max: usize,
    max_of_one: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    period: i64,
    now: HashSet<[u8; DIGEST_PREFIX_BYTES]>,
    before: HashSet<[u8; DIGEST_PREFIX_BYTES]>,
    /// The number of names in `now` for each client.
    by_client: HashMap<Box<str>, usize>,
}

/// Why a name is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayRejection {
    /// The name has been seen before.
    Seen,
    /// The cache is full, so the proof cannot be accepted.
    Full,
    /// The client has used its share of the cache. A retry succeeds after at most this number of
    /// seconds.
    FullForOne(u32),
}

impl ReplayCache {
    /// Creates a cache that remembers each name for at least `period_seconds`.
    pub fn new(period_seconds: i64) -> Self {
        Self {
            period_seconds,
            max: MAX_ENTRIES,
            max_of_one: MAX_OF_ONE_CLIENT,
            seen: Mutex::default(),
        }
    }

    /// Returns how many names are remembered in the current period.
    pub fn entries(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).now.len()
    }

    /// Returns the maximum number of names in one period.
    pub fn limit(&self) -> usize {
        self.max
    }

    /// Records a name that has not been seen. The name is a hash in base64url.
    pub fn take(&self, name: &str, client: &str, now: Timestamp) -> Result<(), ReplayRejection> {
        let mut kept = [0; DIGEST_PREFIX_BYTES];
        kept.iter_mut().zip(name.bytes()).for_each(|(place, byte)| *place = byte);
        let period = now.0.div_euclid(self.period_seconds);
        // The sets are consistent, even if a thread panicked with the lock.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if period > seen.period {
            let current = std::mem::take(&mut seen.now);
            seen.before = if period == seen.period + 1 { current } else { HashSet::new() };
            seen.by_client.clear();
            seen.period = period;
        }
        if seen.now.contains(&kept) || seen.before.contains(&kept) {
            return Err(ReplayRejection::Seen);
        }
        if seen.now.len() >= self.max {
            return Err(ReplayRejection::Full);
        }
        match seen.by_client.get_mut(client) {
            Some(count) if *count >= self.max_of_one => {
                return Err(ReplayRejection::FullForOne(
                    u32::try_from(self.period_seconds).unwrap_or(u32::MAX),
                ));
            }
            Some(count) => *count += 1,
            None => {
                seen.by_client.insert(client.into(), 1);
            }
        }
        seen.now.insert(kept);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_remembered_for_its_period_and_the_memory_is_bounded() {
        let replays = ReplayCache { max: 2, ..ReplayCache::new(100) };
        let take = |name: &str, now: Timestamp| replays.take(name, "x", now);
        assert_eq!(take("a", Timestamp(199)), Ok(()));
        assert_eq!(take("a", Timestamp(200)), Err(ReplayRejection::Seen));
        assert_eq!(take("a", Timestamp(299)), Err(ReplayRejection::Seen));
        assert_eq!(take("a", Timestamp(300)), Ok(()), "forgotten");
        assert_eq!(take("b", Timestamp(300)), Ok(()));
        assert_eq!(take("c", Timestamp(300)), Err(ReplayRejection::Full));
        assert_eq!(take("c", Timestamp(400)), Ok(()));
        assert_eq!(take("c", Timestamp(900)), Ok(()), "both periods have ended");
    }

    #[test]
    fn one_client_leaves_capacity_for_the_others() {
        let replays = ReplayCache { max_of_one: 1, ..ReplayCache::new(100) };
        assert_eq!(replays.take("a", "x", Timestamp(0)), Ok(()));
        assert_eq!(replays.take("b", "x", Timestamp(0)), Err(ReplayRejection::FullForOne(100)));
        assert_eq!(replays.take("b", "y", Timestamp(0)), Ok(()));
        assert_eq!(replays.take("c", "x", Timestamp(100)), Ok(()));
    }
}
