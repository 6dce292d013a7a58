//! How a database began: its first event and its first client.

use crate::store::{Store, StoreError, on_pool};

impl Store {
    /// The actor of the first event; `None` without events.
    pub async fn first_actor(&self) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT actor FROM event ORDER BY sequence LIMIT 1";
        on_pool!(self, |pool| { Ok(sqlx::query_scalar(SQL).fetch_optional(pool).await?) })
    }

    /// The subject of the first event that made a client, such as `client/billing`.
    pub async fn first_client(&self) -> Result<Option<String>, StoreError> {
        const SQL: &str = "
            SELECT subject
            FROM event
            WHERE action IN ('client.created', 'client.imported')
            ORDER BY sequence
            LIMIT 1";
        on_pool!(self, |pool| { Ok(sqlx::query_scalar(SQL).fetch_optional(pool).await?) })
    }
}
