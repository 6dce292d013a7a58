//! Metrics of the database: durations, failures and changes.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::model::event::Action;
use crate::telemetry::metrics::definitions::{
    ADMIN_CHANGES, AUDIT_ERRORS, AUDIT_EVENTS, DB_DURATION, DB_ERRORS, DB_SIZE, TOKENS_REVOKED,
};
use crate::telemetry::metrics::histogram::{Histogram, REQUEST_BOUNDS};
use crate::telemetry::metrics::http::OTHER;
use crate::telemetry::metrics::label::{Label, PerVariant, label};
use crate::telemetry::metrics::writer::Writer;

label! {
    /// Kind of a database operation.
    pub enum Query {
        /// A statement outside of a transaction.
        Statement = "statement",
        /// Waiting for the start of a transaction.
        Begin = "begin",
        /// A statement inside a transaction.
        InTransaction = "in_transaction",
        /// Committing a transaction.
        Commit = "commit",
    }
}

label! {
    /// Why a database operation failed.
    pub enum FailureKind {
        /// It timed out.
        TimedOut = "timed_out",
        /// The disk is full.
        DiskFull = "disk_full",
        /// The database is read-only.
        ReadOnly = "read_only",
        /// The connection to the database failed.
        Connection = "connection",
        /// Any other reason.
        Other = OTHER,
    }
}

/// One counter for each action, and one for actions of later versions.
#[derive(Debug)]
struct ByAction(Box<[AtomicU64]>);

impl Default for ByAction {
    fn default() -> Self {
        Self((0..=Action::ALL.len()).map(|_| AtomicU64::new(0)).collect())
    }
}

impl ByAction {
    fn count(&self, action: &str) {
        let place = Action::ALL.iter().position(|known| known.as_str() == action);
        if let Some(count) = self.0.get(place.unwrap_or(Action::ALL.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn get(&self, action: Action) -> u64 {
        let place = Action::ALL.iter().position(|known| *known == action);
        place.and_then(|place| self.0.get(place)).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Returns the actions that have occurred.
    fn counted(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = Action::ALL.iter().map(|action| action.as_str()).chain([OTHER]);
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        names.zip(counts).filter(|(_, count)| *count > 0)
    }
}

/// Metrics of the database.
#[derive(Debug)]
pub struct StoreMetrics {
    durations: PerVariant<Query, Histogram>,
    failures: PerVariant<FailureKind, AtomicU64>,
    done: ByAction,
    failed: ByAction,
    followed: ByAction,
    write_errors: AtomicU64,
    /// The size in bytes; -1 until it has been measured.
    size: AtomicI64,
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self {
            durations: PerVariant::new(|| Histogram::new(REQUEST_BOUNDS)),
            failures: PerVariant::default(),
            done: ByAction::default(),
            failed: ByAction::default(),
            followed: ByAction::default(),
            write_errors: AtomicU64::new(0),
            size: AtomicI64::new(-1),
        }
    }
}

impl StoreMetrics {
    /// Records the duration of an operation.
    pub fn observe(&self, query: Query, took: Duration) {
        self.durations[query].observe(took);
    }

    /// Counts a failure.
    pub fn count_failure(&self, kind: FailureKind) {
        self.failures[kind].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often the database rejected a write, because its disk is full or it is
    /// read-only.
    pub fn failed_writes(&self) -> u64 {
        let kinds = [FailureKind::DiskFull, FailureKind::ReadOnly];
        kinds.into_iter().map(|kind| self.failures[kind].load(Ordering::Relaxed)).sum()
    }

    /// Counts the events of a change that was made or failed.
    pub fn count_change(&self, actions: &[String], is_made: bool) {
        let counters = if is_made { &self.done } else { &self.failed };
        for action in actions {
            counters.count(action);
        }
        if !is_made {
            self.write_errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an event that has been loaded into memory.
    pub fn count_followed(&self, action: &str) {
        self.followed.count(action);
    }

    /// Records the size of the database in bytes.
    pub fn note_size(&self, bytes: i64) {
        self.size.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let mut family = writer.family(&DB_DURATION)?;
        for (query, histogram) in self.durations.iter() {
            family.histogram(&[("query", query.text())], histogram)?;
        }
        let mut family = writer.family(&DB_ERRORS)?;
        for (kind, count) in self.failures.iter() {
            family.counter(&[("kind", kind.text())], count.load(Ordering::Relaxed))?;
        }
        let mut family = writer.family(&ADMIN_CHANGES)?;
        for (counters, outcome) in [(&self.done, "done"), (&self.failed, "failed")] {
            for (action, count) in counters.counted() {
                family.counter(&[("action", action), ("outcome", outcome)], count)?;
            }
        }
        let mut family = writer.family(&AUDIT_EVENTS)?;
        for (action, count) in self.followed.counted() {
            family.counter(&[("action", action)], count)?;
        }
        let mut family = writer.family(&TOKENS_REVOKED)?;
        family.counter(&[("by", "token")], self.followed.get(Action::TokenRevoked))?;
        family.counter(&[("by", "client")], self.followed.get(Action::ClientTokensRevoked))?;
        let errors = self.write_errors.load(Ordering::Relaxed);
        writer.family(&AUDIT_ERRORS)?.counter(&[], errors)?;
        let size = self.size.load(Ordering::Relaxed);
        let mut family = writer.family(&DB_SIZE)?;
        if size >= 0 {
            #[expect(clippy::cast_precision_loss, reason = "a size of bytes below 2^53")]
            family.gauge(&[], size as f64)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_of_a_later_version_is_other() {
        let actions = ByAction::default();
        actions.count("client.created");
        actions.count("client.teleported");
        let counted: Vec<_> = actions.counted().collect();
        assert_eq!(counted, [("client.created", 1), (OTHER, 1)]);
    }
}
