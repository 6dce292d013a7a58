//! Consequences of a delivery attempt: the time of the next attempt, and when an event is given up.

use std::time::Duration;

use crate::model::backoff;
use crate::model::event::Event;
use crate::model::time::Timestamp;
use crate::outbound::{FetchError, PostAnswer, RetryAfter};
use crate::store::server::notifications::NotificationCursor;
use crate::telemetry;

/// The pause after the first failure. Each further failure doubles it.
const MIN_PAUSE: Duration = Duration::from_secs(5);

/// The maximum pause.
const MAX_PAUSE: Duration = Duration::from_mins(10);

/// The maximum pause that a receiver may request, in seconds.
const MAX_RETRY_AFTER_SECONDS: i64 = 3_600;

/// The number of rejections after which an event is given up, within about ten minutes.
const MAX_REJECTIONS: i64 = 8;

/// Like `MAX_REJECTIONS`, if the receiver rejects the content, such as an event that is too large.
/// Repeating it rarely helps, and later events are waiting.
const MAX_REJECTIONS_OF_CONTENT: i64 = 3;

/// The age at which an event is given up if its receiver is unreachable.
const MAX_AGE_SECONDS: i64 = 3 * 86_400;

/// Returns the cursor after an event that was delivered or given up.
pub(in crate::services) fn delivered(event: &Event) -> NotificationCursor {
    let (failures, rejections, next_attempt_at) = (0, 0, Timestamp(0));
    NotificationCursor { sequence: event.sequence, failures, rejections, next_attempt_at }
}

/// Why an event was not delivered.
#[derive(Debug)]
pub(in crate::services) struct Undelivered {
    /// The problem, for the log.
    pub(in crate::services) problem: String,
    cause: Cause,
    /// The time at which the receiver requests the next attempt.
    retry_after: Option<RetryAfter>,
}

/// Cause of a failed attempt, which determines the next ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The receiver is unreachable: nothing answers, or only a proxy in front of it.
    Unreachable,
    /// The receiver rejects the event.
    Rejected,
    /// The receiver rejects every event of this content.
    ContentRejected,
}

impl Undelivered {
    /// Returns the problem, and the time at which the receiver requests the next attempt.
    pub(in crate::services) fn into_parts(self) -> (String, Option<RetryAfter>) {
        (self.problem, self.retry_after)
    }

    /// Creates the failure of an attempt without an answer.
    pub(in crate::services) fn without_answer(error: &FetchError) -> Self {
        let (problem, cause) = (telemetry::with_causes(error), Cause::Unreachable);
        Self { problem, cause, retry_after: None }
    }

    /// Creates the failure of an attempt whose answer is not a confirmation.
    pub(in crate::services) fn answered(PostAnswer { status, retry_after }: PostAnswer) -> Self {
        let cause = match status {
            // With `Retry-After`, the size is only a temporary problem (RFC 9110, section 15.5.14).
            413 if retry_after.is_some() => Cause::Unreachable,
            429 | 502..=504 => Cause::Unreachable,
            400 | 413 | 414 | 415 | 422 | 431 => Cause::ContentRejected,
            _ => Cause::Rejected,
        };
        let problem = FetchError::Status(status).to_string();
        Self { problem, cause, retry_after }
    }
}

/// Returns the time of the next attempt. The pause grows with the number of earlier failures.
pub(in crate::services) fn next_attempt(
    failures: i64,
    retry_after: Option<RetryAfter>,
    now: Timestamp,
) -> Timestamp {
    let failures = u32::try_from(failures).unwrap_or(u32::MAX).saturating_add(1);
    let pause = backoff::pause(failures, MIN_PAUSE, MAX_PAUSE).as_secs();
    let pause = i64::try_from(pause).unwrap_or(i64::MAX);
    let wanted = retry_after.map_or(0, |it| it.seconds(now)).min(MAX_RETRY_AFTER_SECONDS);
    now.plus_seconds(pause.max(wanted))
}

/// Returns the cursor after a failed attempt at the first of `events`. The event is given up if it
/// was rejected too often. If the receiver is unreachable, all events that are too old are given
/// up.
pub(super) fn after_failure(
    cursor: NotificationCursor,
    events: &[Event],
    undelivered: &Undelivered,
    now: Timestamp,
) -> NotificationCursor {
    let max_rejections = match undelivered.cause {
        Cause::Unreachable => None,
        Cause::Rejected => Some(MAX_REJECTIONS),
        Cause::ContentRejected => Some(MAX_REJECTIONS_OF_CONTENT),
    };
    let failures = cursor.failures.saturating_add(1);
    let rejections = cursor.rejections + i64::from(max_rejections.is_some());
    let next_attempt_at = next_attempt(cursor.failures, undelivered.retry_after, now);
    if let Some(max) = max_rejections {
        return match events.first().filter(|_| rejections >= max) {
            // The receiver may accept the next event.
            Some(event) => delivered(event),
            None => NotificationCursor { failures, rejections, next_attempt_at, ..cursor },
        };
    }
    let is_old = |event: &&Event| event.at <= now.minus_seconds(MAX_AGE_SECONDS);
    match events.iter().take_while(is_old).last() {
        Some(Event { sequence, .. }) => {
            let (sequence, rejections) = (*sequence, 0);
            NotificationCursor { sequence, failures, rejections, next_attempt_at }
        }
        None => NotificationCursor { failures, next_attempt_at, ..cursor },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventOwners;

    fn event(sequence: i64, at: i64) -> Event {
        Event {
            sequence,
            at: Timestamp(at),
            actor: String::new(),
            action: "secret.leaked".to_owned(),
            subject: String::new(),
            detail: "{}".to_owned(),
            owners: EventOwners::default(),
            previous_hash: String::new(),
            hash: sequence.to_string(),
        }
    }

    const START: NotificationCursor = NotificationCursor {
        sequence: 0,
        failures: 0,
        rejections: 0,
        next_attempt_at: Timestamp(0),
    };

    fn answered(status: u16, retry_after: Option<i64>) -> Undelivered {
        let retry_after = retry_after.map(RetryAfter::Seconds);
        Undelivered::answered(PostAnswer { status, retry_after })
    }

    /// Returns the pauses until an event is given up, for a receiver that answers with this status.
    fn pauses(status: u16) -> Vec<i64> {
        let events = [event(3, 1_000), event(4, 1_000)];
        let (mut cursor, mut now, mut pauses) = (START, Timestamp(1_000), Vec::new());
        loop {
            cursor = after_failure(cursor, &events, &answered(status, None), now);
            if cursor.sequence > 0 {
                assert_eq!(cursor, delivered(&events[0]));
                return pauses;
            }
            pauses.push(cursor.next_attempt_at.seconds_since(now));
            now = cursor.next_attempt_at;
        }
    }

    #[test]
    fn an_event_that_is_rejected_too_often_is_given_up_and_the_next_one_is_sent_at_once() {
        for status in [302, 401, 404, 500] {
            assert_eq!(pauses(status), [5, 10, 20, 40, 80, 160, 320], "{status}");
        }
        for status in [400, 413, 422] {
            assert_eq!(pauses(status), [5, 10], "{status}");
        }
    }

    #[test]
    fn retry_after_of_a_receiver_is_bounded() {
        let events = [event(3, 1_000)];
        for (status, retry_after, expected) in [
            (503, Some(1), 5),
            (503, Some(60), 60),
            (429, Some(100_000), MAX_RETRY_AFTER_SECONDS),
            (413, Some(30), 30),
            (500, Some(30), 30),
            (503, None, 5),
        ] {
            let undelivered = answered(status, retry_after);
            let cursor = after_failure(START, &events, &undelivered, Timestamp(1_000));
            assert_eq!(cursor.next_attempt_at.0, 1_000 + expected, "{status} {retry_after:?}");
        }
        assert_eq!(answered(413, Some(30)).cause, Cause::Unreachable);
    }

    #[test]
    fn a_receiver_that_cannot_be_reached_loses_only_what_is_too_old() {
        let events = [event(3, 0), event(4, 10), event(5, MAX_AGE_SECONDS)];
        let away = Undelivered::without_answer(&FetchError::TimedOut);
        let mut cursor = START;
        for _ in 0..100 {
            cursor = after_failure(cursor, &events, &away, Timestamp(MAX_AGE_SECONDS - 1));
            assert_eq!((cursor.sequence, cursor.rejections), (0, 0));
        }
        cursor = after_failure(cursor, &events, &away, Timestamp(MAX_AGE_SECONDS + 10));
        assert_eq!((cursor.sequence, cursor.failures), (4, 101));
        assert_eq!(cursor.next_attempt_at.0, MAX_AGE_SECONDS + 10 + 600);
        for status in [429, 502, 503, 504] {
            assert_eq!(answered(status, None).cause, Cause::Unreachable, "{status}");
        }
    }
}
