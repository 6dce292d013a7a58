//! Parsing of times in arguments.

use crate::cli::error::CliError;
use crate::cli::remedies::command::ArgumentRemedy;
use crate::model::time::{Lifetime, Timestamp};

/// Parses a time: a date, a time in UTC, or its age, such as `7d`.
pub(crate) fn past(text: &str, now: Timestamp) -> Result<Timestamp, CliError> {
    if let Ok(ago) = Lifetime::parse(text) {
        return Ok(now.minus_seconds(ago.seconds()));
    }
    Timestamp::parse(text).map_err(|_| {
        CliError::usage(format!("{text:?} is not a time")).with_remedy(ArgumentRemedy::GiveTime)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_how_long_ago() {
        let now = Timestamp(1_000_000);
        assert_eq!(past("1h", now).expect("a time"), Timestamp(996_400));
        assert_eq!(past("1970-01-02", now).expect("a time"), Timestamp(86_400));
        assert!(past("yesterday", now).is_err());
    }
}
