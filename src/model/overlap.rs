//! The overlap after a rotation: how long the older secrets of a client stay valid.

use std::fmt;

use crate::model::Malformed;
use crate::model::time::Lifetime;
use crate::text::schema::text_schema;

/// The prefix of an overlap that ends when the old secret is unused.
const UNTIL_UNUSED: &str = "until_unused:";

/// How long older secrets stay valid after a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Older secrets end immediately: `0s`.
    None,
    /// Older secrets stay valid for this time: `24h`.
    For(Lifetime),
    /// `until_unused:6h,max:7d`: an old secret ends once the new one has been used and the old one
    /// was unused for the window. It ends after the maximum in any case.
    UntilUnused {
        /// How long the old secret must be unused.
        window: Lifetime,
        /// How long the old secret stays valid at most.
        max: Lifetime,
    },
}

text_schema!(
    Overlap,
    "How long the old secrets stay valid: `0s` ends them at once.",
    examples(["24h", "until_unused:6h,max:7d", "0s"]),
);

impl Overlap {
    /// The default of `max`, in seconds: 7 days.
    pub const DEFAULT_MAX_SECONDS: i64 = 7 * 86_400;

    /// Parses `0s`, `24h`, `until_unused:6h` or `until_unused:6h,max:7d`.
    ///
    /// # Errors
    /// A message that completes a sentence whose subject is the text.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if matches!(text, "0" | "0s") {
            return Ok(Self::None);
        }
        let Some(rest) = text.strip_prefix(UNTIL_UNUSED) else {
            return Lifetime::parse(text).map(Self::For).map_err(|malformed| {
                Malformed::because(format!(
                    "{malformed}; an overlap is such as 24h, 0s, until_unused:6h or \
                     until_unused:6h,max:7d"
                ))
            });
        };
        let (window, max) = match rest.split_once(',') {
            None => (rest, None),
            Some((window, rest)) => (window, Some(rest.strip_prefix("max:").ok_or_else(form)?)),
        };
        let window = part("the window", window)?;
        let max = match max {
            Some(text) => part("max", text)?,
            None => Lifetime::stored(Self::DEFAULT_MAX_SECONDS),
        };
        if window >= max {
            return Err(Malformed::because(format!(
                "has a window of {window}, which must be shorter than max, which is {max}; write \
                 until_unused:6h,max:7d"
            )));
        }
        Ok(Self::UntilUnused { window, max })
    }
}

/// Returns the error for anything but `max:` after the comma.
fn form() -> Malformed {
    Malformed::because(
        "has something other than max: after the comma; write until_unused:6h,max:7d",
    )
}

fn part(name: &str, text: &str) -> Result<Lifetime, Malformed> {
    Lifetime::parse(text).map_err(|malformed| {
        Malformed::because(format!("cannot be read: {name}, '{text}', {malformed}"))
    })
}

/// Formats the overlap as [`Overlap::parse`] reads it.
impl fmt::Display for Overlap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("0s"),
            Self::For(lifetime) => lifetime.fmt(formatter),
            Self::UntilUnused { window, max } => {
                write!(formatter, "{UNTIL_UNUSED}{window},max:{max}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(text: &str) -> Lifetime {
        Lifetime::parse(text).expect("a duration")
    }

    #[test]
    fn every_form_is_parsed_and_its_printed_form_round_trips() {
        let until =
            |window, max| Overlap::UntilUnused { window: lifetime(window), max: lifetime(max) };
        for (text, overlap, printed) in [
            ("0", Overlap::None, "0s"),
            ("0s", Overlap::None, "0s"),
            ("24h", Overlap::For(lifetime("24h")), "24h"),
            ("until_unused:6h", until("6h", "7d"), "until_unused:6h,max:7d"),
            ("until_unused:6h,max:7d", until("6h", "7d"), "until_unused:6h,max:7d"),
            ("until_unused:1s,max:1m", until("1s", "60s"), "until_unused:1s,max:1m"),
        ] {
            assert_eq!(Overlap::parse(text), Ok(overlap), "{text}");
            assert_eq!(overlap.to_string(), printed);
            assert_eq!(Overlap::parse(printed), Ok(overlap));
        }
    }

    #[test]
    fn an_invalid_overlap_is_rejected_with_the_expected_form() {
        for (text, words) in [
            ("", "until_unused:6h"),
            ("24", "has no unit: write 24s, 24m, 24h or 24d"),
            ("-1h", "is not a duration"),
            ("until_unused", "is not a duration"),
            ("until_unused:", "the window"),
            ("until_unused:6", "has no unit"),
            ("until_unused:6h,", "max:"),
            ("until_unused:6h,7d", "write until_unused:6h,max:7d"),
            ("until_unused:6h,max:", "max, ''"),
            ("until_unused:6h,max:7d,max:8d", "max, '7d,max:8d'"),
            ("until_unused:6h,max:6h", "shorter than max"),
            ("until_unused:8d", "shorter than max, which is 7d"),
            ("until_unused:0s,max:7d", "at least one second"),
            ("until_unused:6h,max:11y", "at most ten years"),
        ] {
            let error = Overlap::parse(text).expect_err(text).to_string();
            assert!(error.contains(words), "{text:?}: {error}");
        }
    }
}
