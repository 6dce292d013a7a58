//! Deletion of many rows in small statements, which block other writers only briefly.

use crate::store::{Store, StoreError, on_pool};

impl Store {
    /// Runs a statement that deletes at most `$2` rows until none are left. `$2` is `batch`, and `$1`
    /// is `bound`: the time by which the rows have expired, or the number of rows to keep.
    pub(super) async fn delete_in_batches(
        &self,
        sql: &'static str,
        bound: i64,
        batch: i64,
    ) -> Result<(), StoreError> {
        loop {
            let deleted = on_pool!(self, |pool| {
                let done = sqlx::query(sql).bind(bound).bind(batch).execute(pool).await?;
                Ok(done.rows_affected())
            })?;
            if i64::try_from(deleted).is_ok_and(|deleted| deleted < batch) {
                return Ok(());
            }
        }
    }
}
