//! The issuer of the server that started most recently.

use crate::model::time::Timestamp;
use crate::store::{Store, StoreError, on_pool};

const SELECT: &str = "SELECT issuer FROM server_issuer WHERE one = 1";

impl Store {
    /// Records the issuer of a server that starts. Returns the previous issuer if it was different.
    pub async fn note_issuer(
        &self,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        const UPSERT: &str = "
            INSERT INTO server_issuer (one, issuer, since)
            VALUES (1, $1, $2)
            ON CONFLICT (one) DO UPDATE
            SET issuer = excluded.issuer, since = excluded.since";
        on_pool!(self, |pool| {
            let known: Option<String> = sqlx::query_scalar(SELECT).fetch_optional(pool).await?;
            if known.as_deref() == Some(issuer) {
                return Ok(None);
            }
            sqlx::query(UPSERT).bind(issuer).bind(now.0).execute(pool).await?;
            Ok(known)
        })
    }

    /// Returns the issuer of the server that started most recently, if any.
    pub async fn server_issuer(&self) -> Result<Option<String>, StoreError> {
        on_pool!(self, |pool| Ok(sqlx::query_scalar(SELECT).fetch_optional(pool).await?))
    }
}
