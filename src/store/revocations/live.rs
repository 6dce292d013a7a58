//! Counts the unexpired tokens that a client has revoked itself.

use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError, on_pool};

/// Reads no more rows than the limit `$3`, using the index on both columns.
const LIVE: &str = "
    SELECT COUNT(*), MIN(expires_at)
    FROM (SELECT expires_at
          FROM revoked_token
          WHERE client_id = $1 AND expires_at > $2
          ORDER BY expires_at
          LIMIT $3) AS live";

/// The revocations that a client requested itself, of tokens that have not expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveRevocations {
    /// The number of revocations, up to the requested maximum.
    pub count: u32,
    /// The time at which the first of the tokens expires; 0 if there are none.
    pub first_end: Timestamp,
}

impl LiveRevocations {
    fn from_row((count, first_end): (i64, Option<i64>)) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self { count, first_end: Timestamp(first_end.unwrap_or_default()) }
    }
}

impl Store {
    /// Counts the live revocations of a client, up to `max`.
    pub async fn live_revocations(
        &self,
        id: &ClientId,
        now: Timestamp,
        max: u32,
    ) -> Result<LiveRevocations, StoreError> {
        on_pool!(self, |pool| {
            let live = sqlx::query_as(LIVE).bind(id.as_str()).bind(now.0).bind(i64::from(max));
            Ok(LiveRevocations::from_row(live.fetch_one(pool).await?))
        })
    }
}

impl WriteTransaction {
    /// Counts like [`Store::live_revocations`], but inside this transaction, which excludes other
    /// changes.
    pub async fn live_revocations(
        &mut self,
        id: &ClientId,
        now: Timestamp,
        max: u32,
    ) -> Result<LiveRevocations, StoreError> {
        on_write!(self, |connection| {
            let live = sqlx::query_as(LIVE).bind(id.as_str()).bind(now.0).bind(i64::from(max));
            Ok(LiveRevocations::from_row(live.fetch_one(connection).await?))
        })
    }
}
