//! Notifications: sends events to receivers of the operator, signed by the scheme of Standard
//! Webhooks.
//!
//! Each event is sent at least once: the cursor of the receiver advances after it has confirmed the
//! event. One instance sends to a receiver at a time, under a lease in the database. Events are
//! sent one by one, in order. A failed delivery is retried with growing pauses, and is eventually
//! given up, so that it does not block later events forever.

pub(in crate::services) mod attempt;
pub(in crate::services) mod message;

use crate::config::Webhook;
use crate::crypto::digest;
use crate::model::event::Event;
use crate::model::time::Timestamp;
use crate::model::webhook::WebhookUrl;
use crate::services::Services;
use crate::services::notifications::attempt::{Undelivered, after_failure, delivered};
use crate::store::StoreError;
use crate::store::events::{EventFilter, Order};
use crate::store::server::notifications::{NotificationCursor, NotificationLease};

/// The maximum number of events that are sent under one lease.
const MAX_EVENTS_PER_LEASE: u32 = 50;

/// The duration of a lease since the last event. Sending one takes at most five seconds.
const LEASE_SECONDS: i64 = 30;

/// The maximum lag of the cursor of a receiver without matching events before it is advanced.
const MAX_LAG_EVENTS: i64 = 1_000;

/// State of the events that wait for a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// This instance knows of no waiting events.
    Empty,
    /// More events are waiting than were just sent.
    More,
    /// Events are waiting for the next attempt or for another instance.
    Waiting,
}

/// Adds the cursor of each new receiver, which receives the events from now on.
pub async fn add_receivers(services: &Services) -> Result<(), StoreError> {
    let end = services.store.head().await?.sequence;
    for Webhook { url, .. } in &services.config.notifications.webhooks {
        services.store.add_notification_cursor(&id_of(url), end).await?;
    }
    Ok(())
}

/// Returns the id of a receiver in the database. Its URL may be a secret, so the id is a digest.
fn id_of(url: &WebhookUrl) -> String {
    digest::of_bytes(url.as_str().as_bytes())
}

/// Returns the first event that waits for a receiver; `None` if none waits.
pub async fn first_waiting(
    services: &Services,
    webhook: &Webhook,
) -> Result<Option<i64>, StoreError> {
    let store = &services.store;
    let Some(cursor) = store.notification_cursor(&id_of(&webhook.url)).await? else {
        return Ok(None);
    };
    let events = store.find_events(&wanted(services, &cursor), Order::OldestFirst, 1).await?;
    Ok(events.first().map(|event| event.sequence))
}

/// Returns a filter for the events of a receiver after its cursor.
fn wanted(services: &Services, cursor: &NotificationCursor) -> EventFilter {
    let actions = &services.config.notifications.events;
    EventFilter {
        after: Some(cursor.sequence),
        actions: actions.iter().map(|&it| it.to_owned()).collect(),
        ..EventFilter::default()
    }
}

/// Sends the next events to a receiver, unless another instance is sending.
pub async fn deliver(services: &Services, webhook: &Webhook) -> Result<Backlog, StoreError> {
    let store = &services.store;
    let receiver = id_of(&webhook.url);
    // Read the cursor before the head, so that it is never ahead of the head.
    let known = store.notification_cursor(&receiver).await?;
    let end = store.head().await?.sequence;
    let Some(cursor) = known else {
        store.add_notification_cursor(&receiver, end).await?;
        return Ok(Backlog::Empty);
    };
    let filter = wanted(services, &cursor);
    let events = store.find_events(&filter, Order::OldestFirst, MAX_EVENTS_PER_LEASE).await?;
    let now = store.time(&services.clock).await?;
    let is_restored = cursor.sequence > end;
    if events.is_empty() && !is_restored && end - cursor.sequence < MAX_LAG_EVENTS {
        return Ok(Backlog::Empty);
    }
    if now < cursor.next_attempt_at {
        return Ok(Backlog::Waiting);
    }
    let sending = Sending { services, webhook, receiver: &receiver };
    if !store.lease_notifications(&sending.lease(now), cursor.sequence).await? {
        return Ok(Backlog::Waiting);
    }
    let backlog = if events.is_empty() {
        // No event matches up to the head. Or a backup was restored, and new events continue from
        // its head.
        let place = NotificationCursor { sequence: end, ..cursor };
        store.note_notification(&sending.lease(now), cursor.sequence, &place).await?;
        Backlog::Empty
    } else {
        sending.send(cursor, &events).await?
    };
    Ok(backlog)
}

/// Sending of a batch of events to one receiver.
struct Sending<'a> {
    services: &'a Services,
    webhook: &'a Webhook,
    receiver: &'a str,
}

impl Sending<'_> {
    fn lease(&self, now: Timestamp) -> NotificationLease<'_> {
        let instance = &self.services.instance;
        let until = now.plus_seconds(LEASE_SECONDS);
        NotificationLease { receiver: self.receiver, instance, now, until }
    }

    /// Sends events in order until one cannot be delivered or the lease is lost.
    async fn send(
        &self,
        mut cursor: NotificationCursor,
        events: &[Event],
    ) -> Result<Backlog, StoreError> {
        let store = &self.services.store;
        for (place, event) in events.iter().enumerate() {
            let result = message::post(self.services, self.webhook, event).await;
            let now = store.time(&self.services.clock).await?;
            let before = cursor.sequence;
            let is_delivered = result.is_ok();
            cursor = match result {
                Ok(()) => delivered(event),
                Err(error) => self.failed(cursor, &events[place..], &error, now),
            };
            let is_last = !is_delivered || place + 1 == events.len();
            let lease = self.lease(now);
            // After the last event, any instance may send.
            let lease = if is_last { NotificationLease { until: now, ..lease } } else { lease };
            if !store.note_notification(&lease, before, &cursor).await? || !is_delivered {
                return Ok(Backlog::Waiting);
            }
        }
        let is_full = events.len() == MAX_EVENTS_PER_LEASE as usize;
        Ok(if is_full { Backlog::More } else { Backlog::Empty })
    }

    /// Returns the cursor after a failed attempt at the first of these events.
    fn failed(
        &self,
        cursor: NotificationCursor,
        events: &[Event],
        undelivered: &Undelivered,
        now: Timestamp,
    ) -> NotificationCursor {
        let next = after_failure(cursor, events, undelivered, now);
        let problem = undelivered.problem.as_str();
        let receiver = self.webhook.url.authority();
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
            let (failures, retry_in_s) = (next.failures, next.next_attempt_at.seconds_since(now));
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
