//! Looking whether the database answers.

use std::sync::Arc;
use std::time::Duration;

use crate::store::{Pool, Store, StoreError, on_pool};

impl Store {
    /// The same store for [`Self::probe`] alone. With Postgres it has one connection of its own, so
    /// that it never waits for the work of others, and gives up after `limit`. SQLite is this
    /// process itself: a look that takes long says how busy the machine is.
    #[must_use]
    pub fn prober(&self, limit: Duration) -> Self {
        if let Pool::Sqlite(_) = &self.pool {
            return self.clone();
        }
        // The figures of the database are those of work.
        let limited = Self { timeout: limit, metrics: Arc::default(), ..self.clone() };
        limited.on_one_connection(std::convert::identity)
    }

    /// Reads a row that every database has.
    pub async fn probe(&self) -> Result<(), StoreError> {
        const SQL: &str = "SELECT sequence FROM event_head WHERE id = 1";
        on_pool!(self, |pool| {
            sqlx::query(SQL).fetch_one(pool).await?;
            Ok(())
        })
    }
}
