//! Deletion of many rows in small statements, which block other writers only briefly.

use crate::model::time::Timestamp;
use crate::store::{Store, StoreError, on_pool};

impl Store {
    /// Runs a statement that deletes up to `$2` rows that have expired by `$1`, until none are
    /// left.
    pub(super) async fn delete_in_batches(
        &self,
        sql: &'static str,
        now: Timestamp,
        batch: i64,
    ) -> Result<(), StoreError> {
        loop {
            let deleted = on_pool!(self, |pool| {
                let done = sqlx::query(sql).bind(now.0).bind(batch).execute(pool).await?;
                Ok(done.rows_affected())
            })?;
            if i64::try_from(deleted).is_ok_and(|deleted| deleted < batch) {
                return Ok(());
            }
        }
    }

    /// Runs a statement that deletes up to `$2` rows beyond the first `$1`, until none are left.
    pub(super) async fn delete_beyond(
        &self,
        sql: &'static str,
        kept: i64,
    ) -> Result<(), StoreError> {
        const ROWS: u64 = 2_000;
        loop {
            let deleted = on_pool!(self, |pool| {
                let rows = i64::try_from(ROWS).unwrap_or(i64::MAX);
                let done = sqlx::query(sql).bind(kept).bind(rows).execute(pool).await?;
                Ok(done.rows_affected())
            })?;
            if deleted < ROWS {
                return Ok(());
            }
        }
    }
}
