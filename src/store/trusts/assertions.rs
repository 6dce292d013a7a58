//! Client assertions that have been used: each is valid once, on all instances (RFC 7523,
//! section 3, item 7).

use crate::model::time::Timestamp;
use crate::model::token::REVOCATION_MARGIN_SECONDS;
use crate::store::{Store, StoreError, on_pool};

/// How many rows are forgotten in one statement.
const BATCH_SIZE: i64 = 500;

impl Store {
    /// Notes that an assertion has been used; `false` if it had been before. Of several instances
    /// that do this at once, one is told `true`.
    pub async fn use_assertion(
        &self,
        assertion: &str,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO used_assertion (assertion, expires_at)
            VALUES ($1, $2)
            ON CONFLICT (assertion) DO NOTHING";
        let rows = on_pool!(self, |pool| {
            let done = sqlx::query(SQL).bind(assertion).bind(expires_at.0).execute(pool).await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Deletes assertions that expired at least seven days before `now`, the time of
    /// [`Store::time`], in small batches. The margin is that of revocations, for the same reason.
    pub async fn purge_assertions(&self, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM used_assertion
            WHERE assertion IN
                (SELECT assertion FROM used_assertion WHERE expires_at <= $1 LIMIT $2)";
        let expired_by = now.minus_seconds(REVOCATION_MARGIN_SECONDS);
        self.delete_in_batches(SQL, expired_by, BATCH_SIZE).await
    }
}
