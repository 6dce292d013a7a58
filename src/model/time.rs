//! Time: whole seconds since 1970 in UTC, from the claim to the column, and the one clock that
//! everybody asks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use crate::model::Malformed;

/// A moment: whole seconds since 1970-01-01T00:00:00Z (`NumericDate` of RFC 7519, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The latest moment we can write as a date: 9999-12-31T23:59:59Z.
    pub const LATEST: Self = Self(253_402_300_799);

    /// This moment and `lifetime` seconds more, never later than [`Timestamp::LATEST`].
    #[must_use]
    pub fn plus(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_add(lifetime.seconds())).min(Self::LATEST)
    }

    /// True if an end is still to come; none never comes.
    pub fn is_before(self, end: Option<Self>) -> bool {
        end.is_none_or(|end| self < end)
    }

    /// This moment and `seconds` more.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// This moment and `seconds` less.
    #[must_use]
    pub fn minus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

/// RFC 3339 in UTC, as `2026-11-24T13:36:43Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = u64::try_from(self.0.clamp(0, Self::LATEST.0)).unwrap_or(0);
        let moment = UNIX_EPOCH + Duration::from_secs(seconds);
        humantime::format_rfc3339_seconds(moment).fmt(formatter)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A span of whole seconds, at least one and at most ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(u32);

impl Lifetime {
    const LONGEST: u32 = 10 * 366 * 24 * 3600;

    /// Takes a number of seconds; refuses zero and anything beyond ten years.
    pub fn from_seconds(seconds: i64) -> Result<Self, Malformed> {
        match u32::try_from(seconds) {
            Ok(seconds) if (1..=Self::LONGEST).contains(&seconds) => Ok(Self(seconds)),
            _ => Err(Malformed::because("must be at least one second and at most ten years")),
        }
    }

    /// Reads `30m`, `1h`, `90d` or a bare number of seconds.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if let Ok(seconds) = text.parse::<i64>() {
            return Self::from_seconds(seconds);
        }
        let span = humantime::parse_duration(text)
            .map_err(|_| Malformed::because("is not a span of time; write 30s, 15m, 24h or 90d"))?;
        Self::from_seconds(i64::try_from(span.as_secs()).unwrap_or(i64::MAX))
    }

    /// The span in seconds.
    pub fn seconds(self) -> i64 {
        i64::from(self.0)
    }
}

/// As people write it: `1h`, `90days`.
impl fmt::Display for Lifetime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(Duration::from_secs(u64::from(self.0))).fmt(formatter)
    }
}

/// The clock that is asked for the time; tests hold one that they move themselves.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is moved.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now` until [`Clock::advance`] moves it.
    pub fn fixed(now: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(now.0)))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(system_seconds()),
            Self::Fixed(seconds) => Timestamp(seconds.load(Ordering::Relaxed)),
        }
    }

    /// Moves a fixed clock forward by `seconds`; the machine's clock is left alone.
    pub fn advance(&self, seconds: i64) {
        if let Self::Fixed(now) = self {
            now.fetch_add(seconds, Ordering::Relaxed);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one home of the machine's clock")]
fn system_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_as_rfc_3339() {
        assert_eq!(Timestamp(1_795_527_403).to_string(), "2026-11-24T13:36:43Z");
        assert_eq!(Timestamp::LATEST.to_string(), "9999-12-31T23:59:59Z");
    }

    /// W-23: an oversize span is refused where others overflow and panic.
    #[test]
    fn a_lifetime_is_bounded() {
        assert_eq!(Lifetime::parse("24h").map(Lifetime::seconds), Ok(86_400));
        assert_eq!(Lifetime::parse("1800").map(Lifetime::seconds), Ok(1800));
        for text in ["0", "-5", "", "0s", "9200000000000000", "500years", "soon"] {
            assert!(Lifetime::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn adding_a_lifetime_never_leaves_the_calendar() {
        let longest = Lifetime::parse("9y").expect("nine years are allowed");
        assert_eq!(Timestamp(i64::MAX).plus(longest), Timestamp::LATEST);
    }
}
