//! What has been seen a moment ago and must not be seen again: the names of proofs, in bounded
//! memory (RFC 9449, section 11.1).

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::model::time::Timestamp;

/// The most names that are remembered in one span of time; some 20 MB each.
const MOST: usize = 200_000;

/// Remembers names for one to two spans of time.
#[derive(Debug)]
pub struct Replays {
    span: i64,
    most: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    period: i64,
    now: HashSet<Box<str>>,
    before: HashSet<Box<str>>,
}

/// Why a name is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It has been seen before.
    Seen,
    /// There is no room to remember it, so it cannot be let through.
    Full,
}

impl Replays {
    /// Remembers each name for `span` seconds at least.
    pub fn new(span: i64) -> Self {
        Self { span, most: MOST, seen: Mutex::default() }
    }

    /// Takes a name that has not been seen.
    pub fn take(&self, name: &str, now: Timestamp) -> Result<(), Refused> {
        let period = now.0.div_euclid(self.span);
        // A thread that panicked while it held this has left whole sets.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if period > seen.period {
            let current = std::mem::take(&mut seen.now);
            seen.before = if period == seen.period + 1 { current } else { HashSet::new() };
            seen.period = period;
        }
        if seen.now.contains(name) || seen.before.contains(name) {
            return Err(Refused::Seen);
        }
        if seen.now.len() >= self.most {
            return Err(Refused::Full);
        }
        seen.now.insert(name.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_remembered_for_its_span_and_the_memory_is_bounded() {
        let replays = Replays { most: 2, ..Replays::new(100) };
        assert_eq!(replays.take("a", Timestamp(199)), Ok(()));
        assert_eq!(replays.take("a", Timestamp(200)), Err(Refused::Seen));
        assert_eq!(replays.take("a", Timestamp(299)), Err(Refused::Seen));
        assert_eq!(replays.take("a", Timestamp(300)), Ok(()), "forgotten");
        assert_eq!(replays.take("b", Timestamp(300)), Ok(()));
        assert_eq!(replays.take("c", Timestamp(300)), Err(Refused::Full));
        assert_eq!(replays.take("c", Timestamp(400)), Ok(()));
        assert_eq!(replays.take("c", Timestamp(900)), Ok(()), "both spans are over");
    }
}
