//! Looking whether the database answers.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::store::{Pool, Store, StoreError, on_pool};

impl Store {
    /// The same store for [`Self::probe`] alone. With Postgres it has one connection of its own, so
    /// that it never waits for the work of others, and gives up after `limit`. SQLite is this
    /// process itself: a look that takes long says how busy the machine is.
    #[must_use]
    pub fn prober(&self, limit: Duration) -> Self {
        let Pool::Postgres(pool) = &self.pool else { return self.clone() };
        let options = PgConnectOptions::clone(&pool.connect_options());
        let one = PgPoolOptions::new().max_connections(1).acquire_timeout(limit);
        Self {
            pool: Pool::Postgres(one.connect_lazy_with(options)),
            timeout: limit,
            // The figures of the database are those of work.
            metrics: Arc::default(),
            ..self.clone()
        }
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
