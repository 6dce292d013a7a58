//! Exponential backoff.

use std::time::Duration;

/// Returns the pause after this number of consecutive failures: `min` after the first one, and
/// twice as long after each further one, up to `max`.
pub fn pause(failures: u32, min: Duration, max: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    min.saturating_mul(1 << doublings).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_further_failure_doubles_the_pause_up_to_the_maximum() {
        let (min, max) = (Duration::from_secs(5), Duration::from_mins(1));
        for (failures, seconds) in [(0, 5), (1, 5), (2, 10), (4, 40), (5, 60), (u32::MAX, 60)] {
            assert_eq!(pause(failures, min, max), Duration::from_secs(seconds), "{failures}");
        }
    }
}
