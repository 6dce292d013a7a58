//! Used client assertions: each is valid once across all instances (RFC 7523, section 3, item 7).

use crate::model::time::Timestamp;
use crate::model::token::REVOCATION_MARGIN_SECONDS;
use crate::store::{Store, StoreError, on_pool};

/// The number of rows that one statement deletes.
const BATCH_SIZE: i64 = 500;

impl Store {
    /// Marks an assertion as used. Returns `false` if it was already used. Of several concurrent
    /// instances, only one gets `true`.
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

    /// Deletes assertions that expired at least seven days before `now`, in small batches. `now` is
    /// the time of [`Store::time`]. The margin is that of revocations, for the same reason.
    pub async fn purge_assertions(&self, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM used_assertion
            WHERE assertion IN
                (SELECT assertion FROM used_assertion WHERE expires_at <= $1 LIMIT $2)";
        let expired_by = now.minus_seconds(REVOCATION_MARGIN_SECONDS);
        self.delete_in_batches(SQL, expired_by.0, BATCH_SIZE).await
    }
}
