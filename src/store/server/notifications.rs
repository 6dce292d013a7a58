//! Progress of event delivery to the receivers of notifications and to the sink of the audit log,
//! and the instance that currently sends.
//!
//! The rows are written without an event, because they contain nothing to audit. Each statement
//! changes a row only if it is still as the caller read it. If two instances start to send at the
//! same time, only one succeeds.

use crate::model::time::Timestamp;
use crate::store::row::named_row;
use crate::store::{Store, StoreError, on_pool};

/// The progress of one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationCursor {
    /// The last event that was delivered, given up or skipped.
    pub sequence: i64,
    /// The number of consecutive failures to deliver the next event.
    pub failures: i64,
    /// The number of times that the receiver has rejected the next event.
    pub rejections: i64,
    /// The time of the next attempt, by the clock of the database.
    pub next_attempt_at: Timestamp,
}

/// The right of an instance to send to a receiver, by the clock of the database.
#[derive(Debug, Clone, Copy)]
pub struct NotificationLease<'a> {
    /// The receiver: the digest of its URL, with the prefix `audit/` for a sink of the audit log.
    pub receiver: &'a str,
    /// The id of the instance.
    pub instance: &'a str,
    /// The current time.
    pub now: Timestamp,
    /// The time until which no other instance sends.
    pub until: Timestamp,
}

named_row! {
    struct CursorRow {
        sequence: i64,
        failures: i64,
        rejections: i64,
        next_attempt_at: i64,
    }
}

impl Store {
    /// Returns the progress of a receiver; `None` if it is new.
    pub async fn notification_cursor(
        &self,
        receiver: &str,
    ) -> Result<Option<NotificationCursor>, StoreError> {
        const SQL: &str = "
            SELECT sequence, failures, rejections, next_attempt_at
            FROM notification_cursor
            WHERE receiver = $1";
        on_pool!(self, |pool| {
            let found: Option<CursorRow> =
                sqlx::query_as(SQL).bind(receiver).fetch_optional(pool).await?;
            Ok(found.map(|row| NotificationCursor {
                sequence: row.sequence,
                failures: row.failures,
                rejections: row.rejections,
                next_attempt_at: Timestamp(row.next_attempt_at),
            }))
        })
    }

    /// Records a new receiver, which gets the events after `sequence`.
    pub async fn add_notification_cursor(
        &self,
        receiver: &str,
        sequence: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO notification_cursor (receiver, sequence)
            VALUES ($1, $2)
            ON CONFLICT (receiver) DO NOTHING";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(receiver).bind(sequence).execute(pool).await?;
            Ok(())
        })
    }

    /// Acquires a lease. Returns `false` if another instance holds one, or if the receiver has left
    /// `sequence`.
    pub async fn lease_notifications(
        &self,
        lease: &NotificationLease<'_>,
        sequence: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE notification_cursor
            SET instance = $1, leased_until = $2
            WHERE receiver = $3 AND sequence = $4 AND (instance = $1 OR leased_until <= $5)";
        let NotificationLease { receiver, instance, now, until } = *lease;
        on_pool!(self, |pool| {
            let taking = sqlx::query(SQL).bind(instance).bind(until.0).bind(receiver);
            let taken = taking.bind(sequence).bind(now.0).execute(pool).await?;
            Ok(taken.rows_affected() > 0)
        })
    }

    /// Releases the lease of an instance, if it holds one.
    pub async fn end_notification_lease(
        &self,
        receiver: &str,
        instance: &str,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE notification_cursor
            SET leased_until = 0
            WHERE receiver = $1 AND instance = $2";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(receiver).bind(instance).execute(pool).await?;
            Ok(())
        })
    }

    /// Records the progress of the receiver and extends the lease. Returns `false` if the lease was
    /// lost: then nothing is recorded, and the caller must stop sending.
    pub async fn note_notification(
        &self,
        lease: &NotificationLease<'_>,
        before: i64,
        cursor: &NotificationCursor,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE notification_cursor
            SET sequence = $1, failures = $2, rejections = $3, next_attempt_at = $4,
                leased_until = $5
            WHERE receiver = $6 AND instance = $7 AND sequence = $8";
        let NotificationLease { receiver, instance, until, .. } = *lease;
        let NotificationCursor { sequence, failures, rejections, next_attempt_at } = *cursor;
        on_pool!(self, |pool| {
            let noting = sqlx::query(SQL).bind(sequence).bind(failures).bind(rejections);
            let noting = noting.bind(next_attempt_at.0).bind(until.0).bind(receiver);
            let noted = noting.bind(instance).bind(before).execute(pool).await?;
            Ok(noted.rows_affected() > 0)
        })
    }
}
