//! Rates: a maximum count per time window.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::text::schema::text_schema;

/// A maximum count per window, such as `60/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    max_count: NonZeroU32,
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
    /// Parses a whole number, a slash and `s`, `m` (or `min`), `h` or `d`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::because("is not a rate; write 50/s, 60/m, 1000/h or 5000/d");
        let (max_count, window) = text.split_once('/').ok_or_else(malformed)?;
        let window = match window {
            "s" => Window::Second,
            "m" | "min" => Window::Minute,
            "h" => Window::Hour,
            "d" => Window::Day,
            _ => return Err(malformed()),
        };
        let is_number = max_count.bytes().all(|byte| byte.is_ascii_digit());
        let max_count = max_count.parse().ok().filter(|_| is_number).ok_or_else(malformed)?;
        Ok(Self { max_count, window })
    }

    /// Creates a rate of `MAX` per minute. A rate of 0 does not compile.
    pub const fn per_minute<const MAX: u32>() -> Self {
        const { assert!(MAX > 0, "a rate is at least 1") };
        Self { max_count: NonZeroU32::MIN.saturating_add(MAX - 1), window: Window::Minute }
    }

    /// Returns the maximum count per window.
    pub fn max_count(self) -> u32 {
        self.max_count.get()
    }

    /// Returns the length of the window.
    pub fn window_seconds(self) -> u32 {
        self.window.seconds()
    }

    /// Returns the window as a word, as in "60 tokens per minute".
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
        write!(formatter, "{}/{}", self.max_count, self.window.letter())
    }
}

/// A rate, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// No limit: `off`.
    Unlimited,
    /// At most this rate.
    AtMost(Rate),
}

text_schema!(
    RateLimit,
    "How many tokens a client may request, or `off`.",
    pattern(Some("^(off|[1-9][0-9]{0,9}/[smhd])$")),
    examples(["60/m", "off"]),
);

impl RateLimit {
    /// Parses `off` or a rate.
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
    fn a_rate_round_trips_and_malformed_text_is_rejected() {
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
}
