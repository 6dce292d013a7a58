//! Time: whole seconds since 1970 in UTC, in claims as well as in columns, and the clock that all
//! code uses.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::text::schema::text_schema;

/// A time: whole seconds since 1970-01-01T00:00:00Z (`NumericDate` of RFC 7519, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

text_schema!(
    Timestamp,
    "A time in UTC, in whole seconds (RFC 3339).",
    format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
        utoipa::openapi::KnownFormat::DateTime
    ))),
    examples(["2026-11-27T09:30:00Z"]),
);

impl Timestamp {
    /// The latest time that can be formatted: 9999-12-31T23:59:59Z.
    pub const LATEST: Self = Self(253_402_300_799);

    /// Parses a date, `2026-11-24`, or a time in UTC, `2026-11-24T13:36:43Z` (RFC 3339).
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let is_date = text.len() == 10;
        let whole = if is_date { format!("{text}T00:00:00Z") } else { text.to_owned() };
        humantime::parse_rfc3339_weak(&whole)
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .and_then(|since| i64::try_from(since.as_secs()).ok())
            .map(Self)
            .ok_or_else(|| {
                Malformed::because("is not a time in UTC; write 2026-11-24 or 2026-11-24T13:36:43Z")
            })
    }

    /// Adds `lifetime`, up to [`Timestamp::LATEST`].
    #[must_use]
    pub fn plus(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_add(lifetime.seconds())).min(Self::LATEST)
    }

    /// True if this time is before `end`, or `end` is `None`.
    pub fn is_before(self, end: Option<Self>) -> bool {
        end.is_none_or(|end| self < end)
    }

    /// Returns the seconds from `earlier` to this time; negative if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Adds `seconds`.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Subtracts `seconds`.
    #[must_use]
    pub fn minus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

/// Formats RFC 3339 in UTC, such as `2026-11-24T13:36:43Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = u64::try_from(self.0.clamp(0, Self::LATEST.0)).unwrap_or(0);
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        humantime::format_rfc3339_seconds(time).fmt(formatter)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A duration of whole seconds, at least one and at most ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = u32, minimum = 1, maximum = 316_224_000, description = "A duration in seconds, ten years at most.", examples(7_776_000))]
pub struct Lifetime(u32);

impl Lifetime {
    const MAX_SECONDS: u32 = 10 * 366 * 24 * 3600;

    /// Checks a number of seconds. Rejects zero and more than ten years.
    pub fn from_seconds(seconds: i64) -> Result<Self, Malformed> {
        match u32::try_from(seconds) {
            Ok(seconds) if (1..=Self::MAX_SECONDS).contains(&seconds) => Ok(Self(seconds)),
            _ => Err(Malformed::because("must be at least one second and at most ten years")),
        }
    }

    /// Reads a stored number of seconds and clamps it to the allowed range.
    pub fn stored(seconds: i64) -> Self {
        let seconds = seconds.clamp(1, i64::from(Self::MAX_SECONDS));
        Self(u32::try_from(seconds).unwrap_or(Self::MAX_SECONDS))
    }

    /// Parses `30s`, `15m`, `24h` or `90d`. A number without a unit is an error, because its
    /// meaning would be a guess.
    ///
    /// # Errors
    /// If the text has no unit, is not a duration of whole seconds, or is out of range.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if let Some(missing) = missing_unit(text) {
            return Err(missing);
        }
        let duration = humantime::parse_duration(text)
            .map_err(|_| Malformed::because("is not a duration; write 30s, 15m, 24h or 90d"))?;
        if duration.subsec_nanos() != 0 {
            return Err(Malformed::because("is not a whole number of seconds"));
        }
        Self::from_seconds(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
    }

    /// Returns the duration in seconds.
    pub fn seconds(self) -> i64 {
        i64::from(self.0)
    }
}

/// Serializes the number of seconds.
impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.seconds())
    }
}

/// Formats one number and its unit, as an operator writes it: `15m`, `48h` or `90d`.
impl fmt::Display for Lifetime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u32, u32, char); 3] = [(86_400, 3, 'd'), (3_600, 1, 'h'), (60, 1, 'm')];
        let fitting = UNITS
            .into_iter()
            .find(|(size, min, _)| self.0.is_multiple_of(*size) && self.0 / size >= *min);
        match fitting {
            Some((size, _, unit)) => write!(formatter, "{}{unit}", self.0 / size),
            None => write!(formatter, "{}s", self.0),
        }
    }
}

/// Formats a duration for people, in the largest unit that is precise enough.
pub fn in_words(seconds: i64) -> String {
    in_largest_unit(seconds, ["s", "minutes", "hours", "days"])
}

/// Formats a duration in the largest unit of which it has at least two. The names are those of
/// seconds, minutes, hours and days.
pub fn in_largest_unit(seconds: i64, [second, minute, hour, day]: [&str; 4]) -> String {
    let units = [(86_400, day), (3_600, hour), (60, minute)];
    let fitting = units.into_iter().find(|(size, _)| seconds >= 2 * size);
    let (size, name) = fitting.unwrap_or((1, second));
    format!("{} {name}", seconds / size)
}

/// Returns the error for a number without a unit, which suggests the possible durations. `None` for
/// any other text.
pub fn missing_unit(text: &str) -> Option<Malformed> {
    let number = text.trim();
    let is_number = !number.is_empty()
        && number.len() <= 20
        && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| {
        Malformed::because(format!(
            "has no unit: write {number}s, {number}m, {number}h or {number}d"
        ))
    })
}

/// A reading of a monotonic clock, which never goes back, regardless of the machine's time of day.
/// Only readings of the same [`Clock`] are comparable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonotonicTime(Duration);

impl MonotonicTime {
    /// Returns the time from `earlier` to this reading; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Adds `duration`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// The source of the current time. Tests use a clock that they control.
///
/// Times that others see, such as claims and rows, come from [`Clock::now`]. Waiting times and ages
/// within this process come from [`Clock::monotonic`].
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clocks.
    System,
    /// A clock for tests, which only the test moves.
    Fixed(Arc<FixedClock>),
}

/// The readings of a fixed clock.
#[derive(Debug)]
pub struct FixedClock {
    seconds: AtomicI64,
    elapsed: AtomicU64,
}

impl Clock {
    /// Creates a clock that is fixed at `now` until [`Clock::advance`] or [`Clock::jump`] moves it.
    pub fn fixed(now: Timestamp) -> Self {
        Self::Fixed(Arc::new(FixedClock {
            seconds: AtomicI64::new(now.0),
            elapsed: AtomicU64::new(0),
        }))
    }

    /// Returns the current time of day. It may jump in both directions.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(system_seconds()),
            Self::Fixed(clock) => Timestamp(clock.seconds.load(Ordering::Relaxed)),
        }
    }

    /// Returns the current reading of the monotonic clock.
    pub fn monotonic(&self) -> MonotonicTime {
        match self {
            Self::System => MonotonicTime(START.get_or_init(Instant::now).elapsed()),
            Self::Fixed(clock) => {
                MonotonicTime(Duration::from_secs(clock.elapsed.load(Ordering::Relaxed)))
            }
        }
    }

    /// Advances both readings of a fixed clock. The system clock is unaffected.
    pub fn advance(&self, seconds: i64) {
        self.jump(seconds);
        if let Self::Fixed(clock) = self {
            clock.elapsed.fetch_add(u64::try_from(seconds).unwrap_or(0), Ordering::Relaxed);
        }
    }

    /// Moves the time of day of a fixed clock forward or back, without advancing the monotonic
    /// clock.
    pub fn jump(&self, seconds: i64) {
        if let Self::Fixed(clock) = self {
            clock.seconds.fetch_add(seconds, Ordering::Relaxed);
        }
    }
}

/// The zero point of monotonic readings: the first reading in this process.
static START: OnceLock<Instant> = OnceLock::new();

#[expect(clippy::disallowed_methods, reason = "the only function that reads the system clock")]
fn system_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_printed_as_rfc_3339() {
        assert_eq!(Timestamp(1_795_527_403).to_string(), "2026-11-24T13:36:43Z");
        assert_eq!(Timestamp::LATEST.to_string(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn a_timestamp_round_trips_and_malformed_text_is_rejected() {
        let noon = Timestamp(1_795_527_403);
        assert_eq!(Timestamp::parse(&noon.to_string()), Ok(noon));
        assert_eq!(Timestamp::parse("1970-01-02"), Ok(Timestamp(86_400)));
        for text in ["", "yesterday", "2026-13-01", "1969-01-01", "2026-11-24T13:36:43+01:00"] {
            assert!(Timestamp::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    /// W-23: an oversize duration is rejected instead of overflowing.
    #[test]
    fn a_lifetime_is_bounded() {
        assert_eq!(Lifetime::parse("24h").map(Lifetime::seconds), Ok(86_400));
        for text in ["0", "-5", "", "0s", "9200000000000000", "500years", "soon", "1500ms"] {
            assert!(Lifetime::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    /// O-18: a number without a unit is rejected, and the error shows the fix.
    #[test]
    fn a_duration_needs_a_unit() {
        for text in ["1800", "24", " 30 ", "0"] {
            let error = Lifetime::parse(text).expect_err(text).to_string();
            assert!(error.starts_with("has no unit: write "), "{text:?}: {error}");
        }
        assert!(missing_unit("24").expect("an error").to_string().contains("24h"));
        for text in ["24h", "", "a", "-1", "1.5"] {
            assert!(missing_unit(text).is_none(), "{text:?}");
        }
    }

    /// O-45: a duration is printed as an operator writes it, and reads back.
    #[test]
    fn a_duration_is_printed_with_one_unit() {
        for text in ["45s", "90s", "30m", "90m", "24h", "48h", "3d", "90d"] {
            let printed = Lifetime::parse(text).expect(text).to_string();
            assert_eq!(Lifetime::parse(&printed), Lifetime::parse(text), "{text}: {printed}");
            assert_eq!(printed, text);
        }
    }

    #[test]
    fn a_duration_is_rounded_to_the_largest_sufficient_unit() {
        assert_eq!(in_words(2 * 86_400 + 5), "2 days");
        assert_eq!(in_words(86_400), "24 hours");
        assert_eq!(in_words(119), "119 s");
    }

    #[test]
    fn adding_a_lifetime_never_leaves_the_calendar() {
        let longest = Lifetime::parse("9y").expect("nine years are allowed");
        assert_eq!(Timestamp(i64::MAX).plus(longest), Timestamp::LATEST);
    }

    #[test]
    fn a_jump_of_the_time_of_day_does_not_move_the_monotonic_clock() {
        let clock = Clock::fixed(Timestamp(1_000_000));
        let start = clock.monotonic();
        clock.jump(-86_400);
        assert_eq!((clock.now(), clock.monotonic()), (Timestamp(913_600), start));
        clock.advance(10);
        assert_eq!(clock.monotonic().since(start), Duration::from_secs(10));
        assert_eq!(start.since(clock.monotonic()), Duration::ZERO);
        assert!(Clock::System.monotonic() >= MonotonicTime::default());
    }
}
