//! Delivers the audit log outside of the database, to the `audit.sink`: standard output, a file or
//! a webhook receiver.
//!
//! Each event is delivered at least once. The cursor advances after the event has been written; for
//! a file, after it has been synced to disk. One instance delivers at a time, under a lease in the
//! database. Events are never dropped, so an event that cannot be delivered delays all later ones.
//! Changes do not wait for the delivery, because events wait in the log.

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

/// The maximum number of events that are written at once.
const MAX_EVENTS_PER_BATCH: u32 = 200;

/// The maximum number of events that are sent to a receiver under one lease.
const MAX_EVENTS_PER_LEASE: u32 = 50;

/// The duration of a lease since the last write. The instance that has it keeps it while it runs,
/// so that instances do not write to the files of several machines in turns.
const LEASE_SECONDS: i64 = 30;

/// Status of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The state of the waiting events.
    pub backlog: Backlog,
    /// The number of waiting events.
    pub behind: i64,
    /// The time of the oldest waiting event.
    pub oldest: Option<Timestamp>,
}

/// Why events could not be written, for the log.
struct Failure {
    problem: String,
    retry_after: Option<RetryAfter>,
}

/// Returns the id of a sink in the database. Its URL may be a secret, so the id is a digest.
fn id_of(sink: &AuditSink) -> String {
    let text = match sink {
        AuditSink::Output => "stdout".to_owned(),
        AuditSink::File(path) => format!("file:{}", path.display()),
        AuditSink::Webhook(Webhook { url, .. }) => url.as_str().to_owned(),
    };
    format!("audit/{}", digest::of_bytes(text.as_bytes()))
}

/// Returns the name of a sink in the log.
fn name_of(sink: &AuditSink) -> String {
    match sink {
        AuditSink::Output => "stdout".to_owned(),
        AuditSink::File(path) => path.display().to_string(),
        AuditSink::Webhook(Webhook { url, .. }) => url.authority(),
    }
}

/// Returns the sequence of the last delivered event; `None` if the sink is new.
///
/// # Errors
/// The error of the database.
pub async fn delivered_until(
    services: &Services,
    sink: &AuditSink,
) -> Result<Option<i64>, StoreError> {
    let cursor = services.store.notification_cursor(&id_of(sink)).await?;
    Ok(cursor.map(|cursor| cursor.sequence))
}

/// Releases the lease when this instance stops, so that another one can deliver immediately.
///
/// # Errors
/// The error of the database.
pub async fn release(services: &Services, sink: &AuditSink) -> Result<(), StoreError> {
    services.store.end_notification_lease(&id_of(sink), &services.instance).await
}

/// Delivers the next events, unless another instance is delivering.
///
/// # Errors
/// The error of the database.
pub async fn deliver(services: &Services, sink: &AuditSink) -> Result<Delivery, StoreError> {
    let store = &services.store;
    let id = id_of(sink);
    // Read the cursor before the head, so that it is never ahead of the head.
    let known = store.notification_cursor(&id).await?;
    let end = store.head().await?.sequence;
    let Some(cursor) = known else {
        // A new sink receives every event of the log.
        let first = store.audit_anchor().await?.map_or(0, |anchor| anchor.head.sequence);
        store.add_notification_cursor(&id, first).await?;
        return Ok(Delivery { backlog: Backlog::More, behind: end - first, oldest: None });
    };
    let size = match sink {
        AuditSink::Webhook(_) => MAX_EVENTS_PER_LEASE,
        AuditSink::Output | AuditSink::File(_) => MAX_EVENTS_PER_BATCH,
    };
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
        // A backup was restored, so new events continue from the restored head.
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

/// Delivery of a batch of events.
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

    /// Writes events in order until one cannot be written or the lease is lost. Returns the
    /// sequence of the last event that is recorded as delivered.
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
                // Another instance is delivering. It starts at the recorded cursor.
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

    /// Returns the cursor after a failed attempt, and logs the failure.
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
        let (problem, retry_in_s) = (failure.problem.as_str(), next_attempt_at.seconds_since(now));
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

/// Returns one line of JSON for each event, as in an export. On standard output, a member
/// distinguishes them from other lines.
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
