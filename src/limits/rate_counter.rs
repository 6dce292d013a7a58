//! The counter that enforces a rate. Each instance counts in its own memory.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::rate::Rate;
use crate::model::time::Timestamp;

/// The rate is exceeded. The next count is allowed after `seconds`, which is at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateExceeded {
    /// The number of seconds until the next count is allowed.
    pub seconds: u32,
}

/// Counts in consecutive windows. The number of the window and the count share one word, so
/// counting takes no lock and no count is lost.
#[derive(Debug, Default)]
pub struct RateCounter(AtomicU64);

impl RateCounter {
    /// Adds one, if the rate allows it.
    pub fn count(&self, rate: Rate, now: Timestamp) -> Result<(), RateExceeded> {
        let (window, left) = place(rate, now);
        let add = |word: u64| {
            let count = if window_of(word) == window { count_of(word) } else { 0 };
            (count < rate.max_count()).then(|| word_of(window, count + 1))
        };
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(_) => Ok(()),
            Err(_) => Err(RateExceeded { seconds: left }),
        }
    }

    /// Reverts one count.
    pub fn refund(&self, rate: Rate, now: Timestamp) {
        let (window, _) = place(rate, now);
        let subtract = |word: u64| {
            let is_counted = window_of(word) == window && count_of(word) > 0;
            is_counted.then(|| word_of(window, count_of(word) - 1))
        };
        // The count of an earlier window no longer exists.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract);
    }

    /// True if nothing has been counted in this window.
    pub fn is_unused(&self, rate: Rate, now: Timestamp) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        window_of(word) != place(rate, now).0 || count_of(word) == 0
    }

    /// Returns a counter with the current state of this one.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

/// Returns the number of the window at `now`, and the seconds until it ends.
fn place(rate: Rate, now: Timestamp) -> (u32, u32) {
    let length = i64::from(rate.window_seconds());
    // The number fits until the year 2106. After that, all counts are in one window.
    let window = u32::try_from(now.0.div_euclid(length)).unwrap_or(u32::MAX);
    let left = length - now.0.rem_euclid(length);
    (window, u32::try_from(left).unwrap_or(1))
}

fn word_of(window: u32, count: u32) -> u64 {
    u64::from(window) << 32 | u64::from(count)
}

fn window_of(word: u64) -> u32 {
    u32::try_from(word >> 32).unwrap_or(u32::MAX)
}

fn count_of(word: u64) -> u32 {
    u32::try_from(word & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_rejects_beyond_the_rate_until_the_next_window() {
        let (rate, counter) = (Rate::parse("2/m").expect("a rate"), RateCounter::default());
        assert_eq!(counter.count(rate, Timestamp(600)), Ok(()));
        assert_eq!(counter.count(rate, Timestamp(615)), Ok(()));
        assert_eq!(counter.count(rate, Timestamp(615)), Err(RateExceeded { seconds: 45 }));
        assert_eq!(counter.copy().count(rate, Timestamp(659)), Err(RateExceeded { seconds: 1 }));
        assert_eq!(counter.count(rate, Timestamp(660)), Ok(()));
    }

    #[test]
    fn a_refunded_request_may_be_counted_again() {
        let (rate, counter) = (Rate::parse("1/m").expect("a rate"), RateCounter::default());
        counter.refund(rate, Timestamp(0));
        for _ in 0..5 {
            assert_eq!(counter.count(rate, Timestamp(0)), Ok(()));
            counter.refund(rate, Timestamp(1));
        }
        assert_eq!(counter.count(rate, Timestamp(59)), Ok(()));
        // A window that has expired has nothing to refund.
        counter.refund(rate, Timestamp(60));
        assert!(counter.count(rate, Timestamp(59)).is_err());
    }

    #[test]
    fn threads_never_count_more_than_the_rate_allows() {
        let (rate, counter) = (Rate::parse("1000/h").expect("a rate"), RateCounter::default());
        let allowed = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        if counter.count(rate, Timestamp(5)).is_ok() {
                            allowed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(allowed.into_inner(), 1000);
    }
}
