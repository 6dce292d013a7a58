//! Times in JWTs: seconds since 1970, possibly with a fraction (RFC 7519, section 2).

use serde_json::Value;

use crate::model::time::Timestamp;

/// The maximum difference between the clocks of another machine and this server, in seconds.
pub const CLOCK_SKEW_SECONDS: i64 = 10;

/// Returns the whole second of a `NumericDate`; `None` for any other or absent value.
pub fn read(value: &Value) -> Option<Timestamp> {
    value.as_i64().or_else(|| truncate_to_seconds(value.as_f64()?)).map(Timestamp)
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
fn truncate_to_seconds(seconds: f64) -> Option<i64> {
    (seconds.abs() < 1e12).then_some(seconds as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_in_range_is_a_time() {
        let read = |text: &str| read(&serde_json::from_str(text).expect("JSON"));
        assert_eq!(read("17"), Some(Timestamp(17)));
        assert_eq!(read("17.9"), Some(Timestamp(17)));
        for other in ["null", "\"17\"", "1e300", "-1e300", "[17]", "true"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
