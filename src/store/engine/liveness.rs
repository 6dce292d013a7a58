//! Looking whether the database answers.

use std::convert::identity;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;

use crate::store::{Pool, Store, StoreError, with_timeout};

impl Store {
    /// The same store for [`Self::probe`] alone. With Postgres it has one connection of its own, so
    /// that it never waits for the work of others, and gives up after `limit`. Its statements are
    /// neither logged nor counted: they would hide those of work.
    #[must_use]
    pub fn prober(&self, limit: Duration) -> Self {
        if let Pool::Sqlite(_) = &self.pool {
            return self.clone();
        }
        let limited = Self { timeout: limit, metrics: Arc::default(), ..self.clone() };
        limited.on_one_connection(ConnectOptions::disable_statement_logging, identity)
    }

    /// Reads a row that every database has. A SQLite file is a part of this process: those who
    /// follow changes read it all the time, and say whether it can be read.
    pub async fn probe(&self) -> Result<(), StoreError> {
        const SQL: &str = "SELECT sequence FROM event_head WHERE id = 1";
        // Of several servers, only the primary is the database.
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
