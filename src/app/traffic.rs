//! Number of tokens that this instance issued in each of the last hours. It is only in memory, for
//! the current view of the console. Monitoring uses the metrics.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::model::time::Timestamp;

/// The number of hours that are kept.
const MAX_HOURS: usize = 24;

const HOUR_SECONDS: i64 = 3_600;

/// Tokens that were issued in the last hours.
#[derive(Debug, Default)]
pub struct Traffic(Mutex<VecDeque<Hour>>);

/// Totals at the beginning and end of an hour.
#[derive(Debug, Clone, Copy)]
struct Hour {
    number: i64,
    before: u64,
    until: u64,
}

impl Traffic {
    /// Records the total number of tokens since the start.
    pub fn note(&self, now: Timestamp, total: u64) {
        let number = now.0.div_euclid(HOUR_SECONDS);
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match hours.back_mut() {
            Some(last) if last.number >= number => last.until = last.until.max(total),
            last => {
                let before = last.map_or(0, |last| last.until);
                hours.push_back(Hour { number, before, until: total });
            }
        }
        while hours.len() > MAX_HOURS {
            hours.pop_front();
        }
    }

    /// Returns the number of tokens that were issued in the hour of this time.
    pub fn in_hour_of(&self, time: Timestamp) -> u64 {
        let number = time.0.div_euclid(HOUR_SECONDS);
        let hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = hours.iter().find(|hour| hour.number == number);
        found.map_or(0, |hour| hour.until.saturating_sub(hour.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hour_has_its_own_tokens_and_old_ones_are_forgotten() {
        let traffic = Traffic::default();
        let start = Timestamp(1_800_000_000);
        let after = |seconds: i64| Timestamp(start.0 + seconds);
        traffic.note(start, 5);
        traffic.note(after(60), 9);
        traffic.note(after(3_600), 20);
        assert_eq!(traffic.in_hour_of(start), 9);
        assert_eq!(traffic.in_hour_of(after(3_600)), 11);
        assert_eq!(traffic.in_hour_of(after(7_200)), 0);
        // A clock that jumps back adds to the newest hour.
        traffic.note(start, 21);
        assert_eq!(traffic.in_hour_of(after(3_600)), 12);
        for hour in 2..60 {
            traffic.note(after(hour * 3_600), 21);
        }
        assert_eq!(traffic.in_hour_of(start), 0);
    }
}
