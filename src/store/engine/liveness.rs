//! Checks whether the database responds.

use std::convert::identity;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;

use crate::store::{Pool, Store, StoreError, with_timeout};

impl Store {
    /// Returns a store for [`Self::probe`] only. With Postgres it uses a separate connection, so it
    /// never waits for other statements, and its timeout is `limit`. Its statements are neither
    /// logged nor counted, because they would hide those of real work.
    #[must_use]
    pub fn prober(&self, limit: Duration) -> Self {
        if let Pool::Sqlite(_) = &self.pool {
            return self.clone();
        }
        let limited = Self { timeout: limit, metrics: Arc::default(), ..self.clone() };
        limited.on_one_connection(ConnectOptions::disable_statement_logging, identity)
    }

    /// Reads a row that every database has. SQLite is not probed: it runs in this process, and its
    /// followers read it all the time and report errors.
    pub async fn probe(&self) -> Result<(), StoreError> {
        const SQL: &str = "SELECT sequence FROM event_head WHERE id = 1";
        // Of several servers, only the primary is valid.
        const OF_PRIMARY: &str =
            "SELECT sequence FROM event_head WHERE id = 1 AND NOT pg_is_in_recovery()";
        let Pool::Postgres(pool) = &self.pool else { return Ok(()) };
        let sql = if self.has_several_hosts() { OF_PRIMARY } else { SQL };
        let reading = async {
            sqlx::query(sql).fetch_one(pool).await?;
            Ok(())
        };
        with_timeout(self.timeout, reading).await
    }
}
