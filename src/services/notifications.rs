//! Notifications: events that are sent to receivers of the operator, signed by the scheme of
//! Standard Webhooks.
//!
//! An event is sent at least once: the receiver's place in the log moves on after it has confirmed
//! the event. One instance sends to a receiver at a time, under a lease in the database. Events
//! are sent one by one, in their order. One that cannot be delivered is sent again with growing
//! pauses, and is given up in the end, so that it does not hold up the others forever.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::crypto::{digest, mac};
use crate::model::event::Event;
use crate::model::time::Timestamp;
use crate::model::webhook::{WebhookSecret, WebhookUrl};
use crate::remote_keys::fetch::FetchError;
use crate::services::Services;
use crate::store::StoreError;
use crate::store::events::{EventFilter, Order};
use crate::store::notifications::{NotificationCursor, NotificationLease};
use crate::telemetry;

/// How many events are sent under one lease.
const BATCH: u32 = 50;

/// How long a lease lasts since the last event. Sending one takes five seconds at most.
const LEASE_SECONDS: i64 = 30;

/// The pause after the first failure, in seconds; doubled with each one.
const MIN_PAUSE_SECONDS: i64 = 5;

/// The longest pause, in seconds.
const MAX_PAUSE_SECONDS: i64 = 600;

/// How often a receiver may reject an event before it is given up: within about an hour.
const MAX_REJECTIONS: i64 = 12;

/// The age at which an event is given up if its receiver cannot be reached.
const MAX_AGE_SECONDS: i64 = 3 * 86_400;

/// How far the log may be ahead of a receiver for which it holds nothing, before that is noted.
const MAX_LAG: i64 = 1_000;

/// Whether events wait for a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// None that this instance knows of.
    Empty,
    /// More than have just been sent.
    More,
    /// Some, for the next attempt or because another instance sends them.
    Waiting,
}

/// Notes each new receiver: it gets the events from now on.
///
/// # Errors
/// What the database says.
pub async fn add_receivers(services: &Services) -> Result<(), StoreError> {
    let end = services.store.head().await?.sequence;
    for url in &services.config.notifications.webhooks {
        services.store.add_notification_cursor(&id_of(url), end).await?;
    }
    Ok(())
}

/// The URL may be a secret, so the database has its digest.
fn id_of(url: &WebhookUrl) -> String {
    digest::of_bytes(url.as_str().as_bytes())
}

/// Sends the next events to a receiver, if there are any and no other instance does.
///
/// # Errors
/// What the database says.
pub async fn deliver(services: &Services, url: &WebhookUrl) -> Result<Backlog, StoreError> {
    let store = &services.store;
    let receiver = id_of(url);
    // The place comes before the end of the log, so that it is never ahead of it.
    let known = store.notification_cursor(&receiver).await?;
    let end = store.head().await?.sequence;
    let Some(cursor) = known else {
        store.add_notification_cursor(&receiver, end).await?;
        return Ok(Backlog::Empty);
    };
    let filter = EventFilter {
        after: Some(cursor.sequence),
        actions: services.config.notifications.events.iter().map(|&it| it.to_owned()).collect(),
        ..EventFilter::default()
    };
    let events = store.find_events(&filter, Order::OldestFirst, BATCH).await?;
    let now = store.time(&services.clock).await?;
    let is_restored = cursor.sequence > end;
    if events.is_empty() && !is_restored && end - cursor.sequence < MAX_LAG {
        return Ok(Backlog::Empty);
    }
    if now < cursor.next_attempt_at {
        return Ok(Backlog::Waiting);
    }
    let sending = Sending { services, url, receiver: &receiver };
    if !store.lease_notifications(&sending.lease(now), cursor.sequence).await? {
        return Ok(Backlog::Waiting);
    }
    let backlog = if events.is_empty() {
        // Nothing to send up to there; or a backup was restored, and numbers begin at its end again.
        let place = NotificationCursor { sequence: end, ..cursor };
        store.note_notification(&sending.lease(now), cursor.sequence, &place).await?;
        Backlog::Empty
    } else {
        sending.send(cursor, &events).await?
    };
    Ok(backlog)
}

/// The sending of some events to one receiver.
struct Sending<'a> {
    services: &'a Services,
    url: &'a WebhookUrl,
    receiver: &'a str,
}

impl Sending<'_> {
    fn lease(&self, now: Timestamp) -> NotificationLease<'_> {
        let instance = &self.services.instance;
        let until = now.plus_seconds(LEASE_SECONDS);
        NotificationLease { receiver: self.receiver, instance, now, until }
    }

    /// Sends events in their order until one cannot be delivered or the lease is lost.
    async fn send(
        &self,
        mut cursor: NotificationCursor,
        events: &[Event],
    ) -> Result<Backlog, StoreError> {
        let store = &self.services.store;
        for (place, event) in events.iter().enumerate() {
            let result = self.post(event).await;
            let now = store.time(&self.services.clock).await?;
            let before = cursor.sequence;
            let is_delivered = result.is_ok();
            cursor = match result {
                Ok(()) => delivered(event),
                Err(error) => self.failed(cursor, &events[place..], &error, now),
            };
            let is_last = !is_delivered || place + 1 == events.len();
            let lease = self.lease(now);
            // After the last one, any instance may send.
            let lease = if is_last { NotificationLease { until: now, ..lease } } else { lease };
            if !store.note_notification(&lease, before, &cursor).await? || !is_delivered {
                return Ok(Backlog::Waiting);
            }
        }
        Ok(if events.len() == BATCH as usize { Backlog::More } else { Backlog::Empty })
    }

    async fn post(&self, event: &Event) -> Result<(), FetchError> {
        let message = Message::of(event);
        let timestamp = self.services.clock.now().0.to_string();
        let secrets = &self.services.config.notifications.secrets;
        let signature = message.signature(&timestamp, secrets);
        let headers = [
            ("webhook-id", message.id.as_str()),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
        ];
        self.services.fetcher.post(self.url.as_str(), &headers, message.body.clone()).await
    }

    /// The place after a failed attempt at the first of some events.
    fn failed(
        &self,
        cursor: NotificationCursor,
        events: &[Event],
        error: &FetchError,
        now: Timestamp,
    ) -> NotificationCursor {
        let next = after_failure(cursor, events, is_rejection(error), now);
        let problem = telemetry::with_causes(error);
        let receiver = self.url.authority();
        let given_up = events.iter().take_while(|event| event.sequence <= next.sequence);
        let mut is_given_up = false;
        for Event { sequence, action, subject, .. } in given_up {
            is_given_up = true;
            tracing::error!(
                receiver,
                sequence,
                action,
                subject,
                problem,
                "a notification is given up"
            );
        }
        if let (false, Some(Event { sequence, action, .. })) = (is_given_up, events.first()) {
            let (failures, retry_in_s) = (next.failures, next.next_attempt_at.0 - now.0);
            tracing::warn!(
                receiver,
                sequence,
                action,
                problem,
                failures,
                retry_in_s,
                "a notification cannot be delivered"
            );
        }
        next
    }
}

fn delivered(event: &Event) -> NotificationCursor {
    let (failures, rejections, next_attempt_at) = (0, 0, Timestamp(0));
    NotificationCursor { sequence: event.sequence, failures, rejections, next_attempt_at }
}

/// True if the receiver has read the event and does not take it. The other failures say that it
/// cannot be reached: nothing, or a proxy in front of it, answers.
fn is_rejection(error: &FetchError) -> bool {
    matches!(error, FetchError::Status(status) if !matches!(status, 429 | 502..=504))
}

/// The place after a failed attempt at the first of `events`. It is given up if it was rejected too
/// often. If the receiver cannot be reached, all that are too old are given up.
fn after_failure(
    cursor: NotificationCursor,
    events: &[Event],
    is_rejection: bool,
    now: Timestamp,
) -> NotificationCursor {
    let failures = cursor.failures.saturating_add(1);
    let rejections = cursor.rejections + i64::from(is_rejection);
    let doublings = u32::try_from(cursor.failures.clamp(0, 16)).unwrap_or(0);
    let pause = MIN_PAUSE_SECONDS.saturating_mul(1 << doublings).min(MAX_PAUSE_SECONDS);
    let next_attempt_at = now.plus_seconds(pause);
    if is_rejection {
        return match events.first().filter(|_| rejections >= MAX_REJECTIONS) {
            // The next event may be one that the receiver takes.
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

/// An event as it is sent.
struct Message {
    id: String,
    body: String,
}

impl Message {
    /// The id is the same for each attempt, and no other event has it.
    fn of(event: &Event) -> Self {
        let body = json!({ "type": event.action, "timestamp": event.at, "data": event });
        Self { id: format!("evt_{}", event.hash), body: body.to_string() }
    }

    /// A signature with each secret.
    fn signature(&self, timestamp: &str, secrets: &[WebhookSecret]) -> String {
        let signed = format!("{}.{timestamp}.{}", self.id, self.body);
        let signatures = secrets.iter().map(|secret| {
            let code = mac::hmac_sha256(secret.bytes(), signed.as_bytes());
            format!("v1,{}", BASE64_STANDARD.encode(code))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventOwners;

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn the_signature_is_the_one_of_the_scheme() {
        let message = Message {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
            body: r#"{"test": 2432232314}"#.to_owned(),
        };
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let secret = secret.expect("a secret");
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(message.signature("1614265330", std::slice::from_ref(&secret)), expected);
        let both = message.signature("1614265330", &[secret.clone(), secret]);
        assert_eq!(both, format!("{expected} {expected}"));
    }

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

    #[test]
    fn an_event_that_is_rejected_too_often_is_given_up_and_the_next_one_is_sent_at_once() {
        let events = [event(3, 1_000), event(4, 1_000)];
        let (mut cursor, mut now) = (START, Timestamp(1_000));
        let mut pauses = Vec::new();
        for _ in 1..MAX_REJECTIONS {
            cursor = after_failure(cursor, &events, true, now);
            assert_eq!(cursor.sequence, 0);
            pauses.push(cursor.next_attempt_at.0 - now.0);
            now = cursor.next_attempt_at;
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600]);
        assert_eq!(after_failure(cursor, &events, true, now), delivered(&events[0]));
    }

    #[test]
    fn a_receiver_that_cannot_be_reached_loses_only_what_is_too_old() {
        let events = [event(3, 0), event(4, 10), event(5, MAX_AGE_SECONDS)];
        let mut cursor = START;
        for _ in 0..100 {
            cursor = after_failure(cursor, &events, false, Timestamp(MAX_AGE_SECONDS - 1));
            assert_eq!((cursor.sequence, cursor.rejections), (0, 0));
        }
        cursor = after_failure(cursor, &events, false, Timestamp(MAX_AGE_SECONDS + 10));
        assert_eq!((cursor.sequence, cursor.failures), (4, 101));
        assert_eq!(cursor.next_attempt_at.0, MAX_AGE_SECONDS + 10 + MAX_PAUSE_SECONDS);
        for (status, expected) in
            [(429, false), (502, false), (504, false), (500, true), (302, true)]
        {
            assert_eq!(is_rejection(&FetchError::Status(status)), expected, "{status}");
        }
        assert!(!is_rejection(&FetchError::TimedOut));
    }
}
