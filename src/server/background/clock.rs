//! Warns that the system time has jumped. Tokens, secrets and assertions expire by it.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::model::time::{Clock, MonotonicTime, Timestamp};

/// The interval of comparing the system time with the monotonic clock.
const INTERVAL: Duration = Duration::from_secs(5);

/// The minimum jump that is logged. Client assertions may be ahead by the same time.
const MIN_JUMP_SECONDS: i64 = 10;

pub(super) async fn watch_clock(app: Arc<App>) {
    let clock = &app.services.clock;
    let mut last = Reading::of(clock);
    loop {
        tokio::time::sleep(INTERVAL).await;
        let next = Reading::of(clock);
        if let Some(seconds) = next.jump_since(&last) {
            tracing::warn!(
                seconds,
                "the time of day has jumped: tokens and secrets end earlier or later than they were issued for"
            );
        }
        last = next;
    }
}

struct Reading {
    time_of_day: Timestamp,
    monotonic: MonotonicTime,
}

impl Reading {
    fn of(clock: &Clock) -> Self {
        Self { time_of_day: clock.now(), monotonic: clock.monotonic() }
    }

    /// Returns how many seconds the system time has moved beyond the elapsed time, if that is a
    /// jump.
    fn jump_since(&self, earlier: &Self) -> Option<i64> {
        let passed = self.monotonic.since(earlier.monotonic).as_secs();
        let moved = self.time_of_day.seconds_since(earlier.time_of_day);
        let jump = moved.saturating_sub(i64::try_from(passed).unwrap_or(i64::MAX));
        (jump.saturating_abs() >= MIN_JUMP_SECONDS).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_large_difference_is_a_clock_jump() {
        let clock = Clock::fixed(Timestamp(1_000_000));
        let start = Reading::of(&clock);
        clock.advance(3600);
        assert_eq!(Reading::of(&clock).jump_since(&start), None, "an hour that has passed");
        clock.jump(MIN_JUMP_SECONDS - 1);
        assert_eq!(Reading::of(&clock).jump_since(&start), None, "a correction");
        clock.jump(3600);
        assert_eq!(Reading::of(&clock).jump_since(&start), Some(3609));
        clock.jump(-7309);
        assert_eq!(Reading::of(&clock).jump_since(&start), Some(-3700));
    }
}
