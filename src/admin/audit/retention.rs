//! Retention: removal of events that are older than `audit.retention` from the log.
//!
//! The log is first verified from its beginning to the last event to remove. One transaction then
//! signs a checkpoint at that event, lets the log begin there, and records the removal as an event.
//! The rows are deleted afterwards in small steps, so that they do not block changes. If the
//! process is killed, the next run deletes the remaining rows. Events that have not been delivered
//! yet are kept.

use std::time::Duration;

use serde_json::json;

use crate::admin::audit::checkpoint::{sign, signer};
use crate::admin::audit::{MAX_PART, VerificationResult, verify_part};
use crate::admin::{AdminError, AuditedChange, Conflict};
use crate::model::event::{Action, EventSubject, Head};
use crate::model::time::Timestamp;
use crate::services::audited_change::Actor;
use crate::services::{Services, audit_delivery, notifications};
use crate::store::Store;

/// The lease that lets only one instance at a time remove events.
const LEASE: &str = "audit_retention";

/// The duration of the lease, in seconds.
const LEASE_SECONDS: i64 = 3_600;

/// The minimum time between two removals, in seconds. Each adds an event to the log.
const MIN_INTERVAL_SECONDS: i64 = 86_400;

/// The number of rows that one statement deletes.
const STEP_EVENTS: i64 = 1_000;

/// The pause between two steps, in which other changes can use the database.
const STEP_PAUSE: Duration = Duration::from_millis(20);

/// The events that one run removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// The sequence of the last one.
    pub until: i64,
    /// The number of events.
    pub events: i64,
}

/// Removes events that are old enough, at most once a day. Only one of several instances does so.
///
/// # Errors
/// [`Conflict::AuditLogAltered`] if the events do not fit the chain: then nothing is removed.
/// Otherwise as for a checkpoint.
pub async fn remove_old(services: &Services, issuer: &str) -> Result<Option<Removal>, AdminError> {
    let store = &services.store;
    if services.config.audit.retention.is_none() {
        return Ok(None);
    }
    let now = store.time(&services.clock).await?;
    let until = now.plus_seconds(LEASE_SECONDS);
    if !store.take_lease(LEASE, &services.instance, now, until).await? {
        return Ok(None);
    }
    let removed = Box::pin(remove(services, issuer, now)).await;
    // If the database is unavailable, the lease expires by itself.
    let _ = store.end_lease(LEASE, &services.instance).await;
    removed
}

async fn remove(
    services: &Services,
    issuer: &str,
    now: Timestamp,
) -> Result<Option<Removal>, AdminError> {
    let store = &services.store;
    let anchor = store.audit_anchor().await?;
    if let Some(anchor) = &anchor {
        delete_rows(store, anchor.head.sequence).await?;
    }
    let last_removal = anchor.as_ref().and_then(|anchor| anchor.anchored_at);
    if last_removal.is_some_and(|last| last.plus_seconds(MIN_INTERVAL_SECONDS) > now) {
        return Ok(None);
    }
    let begins_after = anchor.map_or(0, |anchor| anchor.head.sequence);
    let until = last_removable(services, now).await?;
    if until <= begins_after {
        return Ok(None);
    }
    let head = verified_until(store, until).await?;
    let Some(removal) = give_up(services, issuer, head, begins_after).await? else {
        return Ok(None);
    };
    delete_rows(store, removal.until).await?;
    Ok(Some(removal))
}

/// Returns the last event before the first one to keep: an event that is too young, or that a
/// receiver has not received yet. The age is measured by the slower of two clocks: that of the
/// database and that of this process.
async fn last_removable(services: &Services, now: Timestamp) -> Result<i64, AdminError> {
    let (store, config) = (&services.store, &services.config);
    let Some(retention) = config.audit.retention else { return Ok(0) };
    let cutoff = now.min(services.clock.now()).minus_seconds(retention.seconds());
    let mut until = match store.first_event_after(cutoff).await? {
        Some(first) => first.saturating_sub(1),
        None => store.head().await?.sequence,
    };
    if let Some(sink) = &config.audit.sink {
        until = until.min(audit_delivery::delivered_until(services, sink).await?.unwrap_or(0));
    }
    for webhook in &config.notifications.webhooks {
        if let Some(waiting) = notifications::first_waiting(services, webhook).await? {
            until = until.min(waiting.saturating_sub(1));
        }
    }
    Ok(until)
}

/// Verifies the log from its beginning up to an event, and returns that event.
async fn verified_until(store: &Store, until: i64) -> Result<Head, AdminError> {
    let mut end = Head { sequence: 0, hash: String::new() };
    loop {
        let left = u32::try_from(until.saturating_sub(end.sequence)).unwrap_or(MAX_PART);
        // The first part begins at an anchor, if one exists, and may therefore extend past `until`.
        end = match verify_part(store, end, left.clamp(1, MAX_PART)).await? {
            VerificationResult::Unfinished(end) => end,
            VerificationResult::Intact { events, hash } => Head { sequence: events, hash },
            VerificationResult::Broken { sequence, .. } => {
                return Err(Conflict::AuditLogAltered(sequence).into());
            }
        };
        if end.sequence >= until {
            break;
        }
    }
    // The chain up to there is intact, so the hash of this event is the verified one.
    let event = store.events(until.saturating_sub(1), 1).await?.into_iter().next();
    match event.filter(|event| event.sequence == until) {
        Some(event) => Ok(Head { sequence: until, hash: event.hash }),
        None => Err(Conflict::AuditLogAltered(until).into()),
    }
}

/// Moves the beginning of the log behind an event and records this. Returns `None` if another
/// instance was faster.
async fn give_up(
    services: &Services,
    issuer: &str,
    head: Head,
    begins_after: i64,
) -> Result<Option<Removal>, AdminError> {
    let signer = signer(services).await?;
    let mut change = AuditedChange::begin(services, &Actor::server()).await?;
    let now = change.database_now;
    let (until, hash) = (head.sequence, head.hash.clone());
    let checkpoint = sign(&signer, issuer, head, now)?;
    if !change.transaction.put_checkpoint(&checkpoint).await? {
        return Err(Conflict::AuditLogAltered(until).into());
    }
    if !change.transaction.anchor_checkpoint(until, now).await? {
        return Ok(None);
    }
    let events = until - begins_after;
    let detail = json!({
        "from": begins_after + 1,
        "until": until,
        "events": events,
        "hash": hash,
        "retention_seconds": services.config.audit.retention,
    });
    change.record(Action::AuditEventsRemoved, EventSubject::AuditLog, detail).await?;
    change.commit().await?;
    Ok(Some(Removal { until, events }))
}

/// Deletes the rows of removed events, in small steps.
async fn delete_rows(store: &Store, until: i64) -> Result<(), AdminError> {
    while store.delete_events(until, STEP_EVENTS).await? {
        tokio::time::sleep(STEP_PAUSE).await;
    }
    Ok(())
}
