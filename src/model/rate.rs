//! Rates: at most so many in a window of time, and the counter that enforces them.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::model::text_schema::text_schema;
use crate::model::time::Timestamp;

/// At most so many in a window, written `60/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    most: NonZeroU32,
    window: Window,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Window {
    Second,
    Minute,
    Hour,
    Day,
}

impl Window {
    fn seconds(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Second => 's',
            Self::Minute => 'm',
            Self::Hour => 'h',
            Self::Day => 'd',
        }
    }
}

impl Rate {
    /// Reads a whole number, a slash and `s`, `m` (or `min`), `h` or `d`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::because("is not a rate; write 50/s, 60/m, 1000/h or 5000/d");
        let (most, window) = text.split_once('/').ok_or_else(malformed)?;
        let window = match window {
            "s" => Window::Second,
            "m" | "min" => Window::Minute,
            "h" => Window::Hour,
            "d" => Window::Day,
            _ => return Err(malformed()),
        };
        let is_number = most.bytes().all(|byte| byte.is_ascii_digit());
        let most = most.parse().ok().filter(|_| is_number).ok_or_else(malformed)?;
        Ok(Self { most, window })
    }

    /// So many in a minute.
    pub const fn per_minute(most: NonZeroU32) -> Self {
        Self { most, window: Window::Minute }
    }

    /// How many are allowed in a window.
    pub fn most(self) -> u32 {
        self.most.get()
    }

    /// The window in words, as in "60 tokens a minute".
    pub fn window(self) -> &'static str {
        match self.window {
            Window::Second => "second",
            Window::Minute => "minute",
            Window::Hour => "hour",
            Window::Day => "day",
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.most, self.window.letter())
    }
}

/// No more are allowed until so many seconds have passed; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateExceeded {
    /// The seconds.
    pub seconds: u32,
}

/// Counts in windows that follow one another without overlap. The number of the window and the
/// count share one word, so counting takes no lock and no two threads count the same.
#[derive(Debug, Default)]
pub struct RateCounter(AtomicU64);

impl RateCounter {
    /// Counts one more, if the rate allows it.
    pub fn count(&self, rate: Rate, now: Timestamp) -> Result<(), RateExceeded> {
        let (window, left) = place(rate, now);
        let add = |word: u64| {
            let count = if window_of(word) == window { count_of(word) } else { 0 };
            (count < rate.most()).then(|| word_of(window, count + 1))
        };
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(_) => Ok(()),
            Err(_) => Err(RateExceeded { seconds: left }),
        }
    }

    /// Takes one back that turned out not to count.
    pub fn refund(&self, rate: Rate, now: Timestamp) {
        let (window, _) = place(rate, now);
        let subtract = |word: u64| {
            let is_counted = window_of(word) == window && count_of(word) > 0;
            is_counted.then(|| word_of(window, count_of(word) - 1))
        };
        // The count of an earlier window is gone already.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract);
    }

    /// True if nothing has been counted in this window.
    pub fn is_unused(&self, rate: Rate, now: Timestamp) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        window_of(word) != place(rate, now).0 || count_of(word) == 0
    }

    /// A counter that stands where this one stands now.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

/// The number of the window that `now` is in, and the seconds until it ends.
fn place(rate: Rate, now: Timestamp) -> (u32, u32) {
    let length = i64::from(rate.window.seconds());
    // Until the year 2106 the number of seconds fits; a clock beyond counts all in one window.
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

/// A rate, or the word that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// There is none: `off`.
    Unlimited,
    /// This one.
    AtMost(Rate),
}

text_schema!(
    RateLimit,
    "How many tokens a client may request, or `off`.",
    pattern(Some("^(off|[1-9][0-9]{0,9}/[smhd])$")),
    examples(["60/m", "off"]),
);

impl RateLimit {
    /// Reads `off` or a rate.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text == "off" { Ok(Self::Unlimited) } else { Rate::parse(text).map(Self::AtMost) }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => formatter.write_str("off"),
            Self::AtMost(rate) => rate.fmt(formatter),
        }
    }
}

impl Serialize for RateLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_back_and_nonsense_is_rejected() {
        for text in ["50/s", "60/m", "1000/h", "5/d"] {
            assert_eq!(Rate::parse(text).map(|rate| rate.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Rate::parse("20/min"), Rate::parse("20/m"));
        for text in ["", "60", "/m", "0/m", "-1/m", "+1/m", "60/", "60/y", "99999999999/s", "6 /m"]
        {
            assert!(Rate::parse(text).is_err(), "{text:?} was accepted");
        }
        assert_eq!(RateLimit::parse("off"), Ok(RateLimit::Unlimited));
    }

    #[test]
    fn a_counter_is_full_after_so_many_and_empty_in_the_next_window() {
        let (rate, counter) = (Rate::parse("2/m").expect("a rate"), RateCounter::default());
        assert_eq!(counter.count(rate, Timestamp(600)), Ok(()));
        assert_eq!(counter.count(rate, Timestamp(615)), Ok(()));
        assert_eq!(counter.count(rate, Timestamp(615)), Err(RateExceeded { seconds: 45 }));
        assert_eq!(counter.copy().count(rate, Timestamp(659)), Err(RateExceeded { seconds: 1 }));
        assert_eq!(counter.count(rate, Timestamp(660)), Ok(()));
    }

    #[test]
    fn what_is_taken_back_may_be_counted_again() {
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
