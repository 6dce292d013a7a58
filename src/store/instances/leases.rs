//! Leases for work that one instance does at a time, by the clock of the database. The lease of a
//! killed instance expires.

use crate::model::time::Timestamp;
use crate::store::{Store, StoreError, on_pool};

impl Store {
    /// Acquires or extends a lease until `until`. Returns `false` if another instance holds it.
    pub async fn take_lease(
        &self,
        name: &str,
        instance: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO lease (name, instance, expires_at)
            VALUES ($1, $2, $3)
            ON CONFLICT (name)
            DO UPDATE SET instance = excluded.instance, expires_at = excluded.expires_at
            WHERE lease.instance = excluded.instance OR lease.expires_at <= $4";
        on_pool!(self, |pool| {
            let taking = sqlx::query(SQL).bind(name).bind(instance).bind(until.0).bind(now.0);
            Ok(taking.execute(pool).await?.rows_affected() > 0)
        })
    }

    /// Releases a lease, if this instance holds it.
    pub async fn end_lease(&self, name: &str, instance: &str) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM lease WHERE name = $1 AND instance = $2";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(name).bind(instance).execute(pool).await?;
            Ok(())
        })
    }
}
