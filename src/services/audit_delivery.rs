//! Delivery of the audit log to a place outside of the database: standard output, a file or a
//! receiver of webhooks, as `audit.sink` says.
//!
//! An event is delivered at least once: the place in the log moves on after the event is written,
//! to the disk if it goes to a file. One instance delivers at a time, under a lease in the database.
//! Nothing is ever given up, so an event that cannot be delivered holds up those after it. Changes
//! wait for none of this: events wait in the log.

mod file;

use std::io::{self, Write};

use serde_json::json;

use crate::config::{AuditSink, Webhook};
use crate::crypto::digest;
use crate::model::event::Event;
use crate::model::time::Timestamp;
use crate::outbound::RetryAfter;
use crate::services::Services;
use crate::services::notifications::{Backlog, attempt, message};
use crate::store::StoreError;
use crate::store::server::notifications::{NotificationCursor, NotificationLease};
use crate::text::escaping;

/// How many events are written at a time.
const BATCH: u32 = 200;

/// How many events are sent to a receiver under one lease.
const WEBHOOK_BATCH: u32 = 50;

/// How long a lease lasts since the last write. The instance that has it keeps it while it runs, so
/// that files of several machines are not written in turns.
const LEASE_SECONDS: i64 = 30;

/// How far the delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Whether events wait.
    pub backlog: Backlog,
    /// How many events wait.
    pub behind: i64,
    /// The time of the first event that waits.
    pub oldest: Option<Timestamp>,
}

/// Why events could not be written, for the log.
struct Failure {
    problem: String,
    retry_after: Option<RetryAfter>,
}

/// The name of a sink in the database, where its URL may be a secret.
fn id_of(sink: &AuditSink) -> String {
    let text = match sink {
        AuditSink::Output => "stdout".to_owned(),
        AuditSink::File(path) => format!("file:{}", path.display()),
        AuditSink::Webhook(Webhook { url, .. }) => url.as_str().to_owned(),
    };
    format!("audit/{}", digest::of_bytes(text.as_bytes()))
}

/// How a sink is called in the log.
fn name_of(sink: &AuditSink) -> String {
    match sink {
        AuditSink::Output => "stdout".to_owned(),
        AuditSink::File(path) => path.display().to_string(),
        AuditSink::Webhook(Webhook { url, .. }) => url.authority(),
    }
}

/// The sequence of the last event that was delivered; `None` if the sink is new.
///
/// # Errors
/// What the database says.
pub async fn delivered_until(
    services: &Services,
    sink: &AuditSink,
) -> Result<Option<i64>, StoreError> {
    let cursor = services.store.notification_cursor(&id_of(sink)).await?;
    Ok(cursor.map(|cursor| cursor.sequence))
}

/// Lets another instance deliver at once, because this one stops.
///
/// # Errors
/// What the database says.
pub async fn release(services: &Services, sink: &AuditSink) -> Result<(), StoreError> {
    services.store.end_notification_lease(&id_of(sink), &services.instance).await
}

/// Delivers the next events, if there are any and no other instance does.
///
/// # Errors
/// What the database says.
pub async fn deliver(services: &Services, sink: &AuditSink) -> Result<Delivery, StoreError> {
    let store = &services.store;
    let id = id_of(sink);
    // The place comes before the end of the log, so that it is never ahead of it.
    let known = store.notification_cursor(&id).await?;
    let end = store.head().await?.sequence;
    let Some(cursor) = known else {
        // A new sink gets every event that the log has.
        let first = store.audit_anchor().await?.map_or(0, |anchor| anchor.head.sequence);
        store.add_notification_cursor(&id, first).await?;
        return Ok(Delivery { backlog: Backlog::More, behind: end - first, oldest: None });
    };
    let size = if matches!(sink, AuditSink::Webhook(_)) { WEBHOOK_BATCH } else { BATCH };
    let events = store.events(cursor.sequence, size).await?;
    let now = store.time(&services.clock).await?;
    let is_restored = cursor.sequence > end;
    let waiting = Delivery {
        backlog: Backlog::Waiting,
        behind: (end - cursor.sequence).max(0),
        oldest: events.first().map(|event| event.at),
    };
    if events.is_empty() && !is_restored {
        return Ok(Delivery { backlog: Backlog::Empty, ..waiting });
    }
    if now < cursor.next_attempt_at {
        return Ok(waiting);
    }
    let delivering = Delivering { services, sink, id: &id };
    if !store.lease_notifications(&delivering.lease(now), cursor.sequence).await? {
        return Ok(waiting);
    }
    if events.is_empty() {
        // A backup was restored, and numbers begin at its end again.
        let place = NotificationCursor { sequence: end, ..cursor };
        store.note_notification(&delivering.lease(now), cursor.sequence, &place).await?;
        return Ok(Delivery { backlog: Backlog::Empty, behind: 0, oldest: None });
    }
    let next = delivering.write(cursor, &events).await?;
    let rest = events.iter().find(|event| event.sequence > next);
    let backlog = match rest {
        Some(_) => Backlog::Waiting,
        None if events.len() == size as usize => Backlog::More,
        None => Backlog::Empty,
    };
    let behind = (end - next).max(0);
    Ok(Delivery { backlog, behind, oldest: rest.map(|event| event.at) })
}

/// The delivery of some events.
struct Delivering<'a> {
    services: &'a Services,
    sink: &'a AuditSink,
    id: &'a str,
}

impl Delivering<'_> {
    fn lease(&self, now: Timestamp) -> NotificationLease<'_> {
        let instance = &self.services.instance;
        let until = now.plus_seconds(LEASE_SECONDS);
        NotificationLease { receiver: self.id, instance, now, until }
    }

    /// Writes events in their order until one cannot be written or the lease is lost; gives the
    /// sequence of the last one that is noted as delivered.
    async fn write(
        &self,
        mut cursor: NotificationCursor,
        events: &[Event],
    ) -> Result<i64, StoreError> {
        let pieces: Vec<&[Event]> = match self.sink {
            AuditSink::Webhook(_) => events.chunks(1).collect(),
            AuditSink::Output | AuditSink::File(_) => vec![events],
        };
        for piece in pieces {
            let written = self.write_piece(piece).await;
            let now = self.services.store.time(&self.services.clock).await?;
            let is_written = written.is_ok();
            let next = match (written, piece.last()) {
                (Ok(()), Some(last)) => attempt::delivered(last),
                (Ok(()), None) => cursor,
                (Err(failure), _) => self.failed(cursor, piece, &failure, now),
            };
            let store = &self.services.store;
            if !store.note_notification(&self.lease(now), cursor.sequence, &next).await? {
                // Another instance delivers; it begins at the noted place.
                return Ok(cursor.sequence);
            }
            cursor = next;
            if !is_written {
                break;
            }
        }
        Ok(cursor.sequence)
    }

    async fn write_piece(&self, events: &[Event]) -> Result<(), Failure> {
        let written = match self.sink {
            AuditSink::Webhook(webhook) => {
                for event in events {
                    message::post(self.services, webhook, event).await.map_err(|undelivered| {
                        let (problem, retry_after) = undelivered.into_parts();
                        Failure { problem, retry_after }
                    })?;
                }
                return Ok(());
            }
            AuditSink::Output => {
                let lines = lines(events, true);
                tokio::task::spawn_blocking(move || print(&lines)).await
            }
            AuditSink::File(path) => {
                let (path, lines) = (path.clone(), lines(events, false));
                tokio::task::spawn_blocking(move || file::append(&path, &lines)).await
            }
        };
        let failed = |problem: String| Failure { problem, retry_after: None };
        match written {
            Ok(written) => written.map_err(|error| failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// The place after a failed attempt, which is logged.
    fn failed(
        &self,
        cursor: NotificationCursor,
        events: &[Event],
        failure: &Failure,
        now: Timestamp,
    ) -> NotificationCursor {
        let next_attempt_at = attempt::next_attempt(cursor.failures, failure.retry_after, now);
        let failures = cursor.failures.saturating_add(1);
        let sink = name_of(self.sink);
        let sequence = events.first().map_or(0, |event| event.sequence);
        let (problem, retry_in_s) = (failure.problem.as_str(), next_attempt_at.0 - now.0);
        tracing::warn!(
            sink,
            sequence,
            problem,
            failures,
            retry_in_s,
            "audit events cannot be delivered"
        );
        NotificationCursor { failures, next_attempt_at, ..cursor }
    }
}

/// One line of JSON for each event, as an export has it. On standard output a member tells them from
/// other lines.
fn lines(events: &[Event], is_marked: bool) -> Vec<u8> {
    let mut lines = Vec::new();
    for event in events {
        let mut line = json!(event);
        if let Some(members) = line.as_object_mut().filter(|_| is_marked) {
            members.insert("log".to_owned(), json!("audit"));
        }
        lines.extend_from_slice(escaping::escape_json(&line.to_string()).as_bytes());
        lines.push(b'\n');
    }
    lines
}

fn print(lines: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(lines)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventOwners;

    #[test]
    fn a_line_is_an_event_in_one_line() {
        let event = Event {
            sequence: 7,
            at: Timestamp(1_795_771_800),
            actor: "cli:ana\n".to_owned(),
            action: "client.created".to_owned(),
            subject: "client/a".to_owned(),
            detail: format!(r#"{{"name":"a\nb{}"}}"#, "\u{202e}\u{200b}"),
            owners: EventOwners::default(),
            previous_hash: String::new(),
            hash: "h".to_owned(),
        };
        let text = String::from_utf8(lines(&[event.clone(), event], true)).expect("UTF-8");
        assert_eq!(text.lines().count(), 2);
        let line: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        assert_eq!(line["log"], "audit");
        assert_eq!(line["sequence"], 7);
        assert_eq!(line["detail"]["name"], "a\nb\u{202e}\u{200b}");
        assert!(text.is_ascii(), "what reorders or hides text is escaped: {text}");
    }
}
