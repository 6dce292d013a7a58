//! Reads the issuer that a server has noted, for commands that run without the setting.

use crate::store::{Store, StoreError, on_pool};

impl Store {
    /// The issuer of the server that started last, if one has.
    pub async fn server_issuer(&self) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT issuer FROM server_issuer WHERE one = 1";
        on_pool!(self, |pool| Ok(sqlx::query_scalar(SQL).fetch_optional(pool).await?))
    }
}
