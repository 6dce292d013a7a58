//! How much of its usage statistics each running instance has written. A secret that seems unused
//! may have been used at an instance that has not written yet.

use crate::model::time::Timestamp;
use crate::store::transaction::{Transaction, on_transaction};
use crate::store::{Store, StoreError, on_pool};

/// What an instance says each time that it writes its usage statistics. Times are those of the
/// clock of the database.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat<'a> {
    /// The instance.
    pub instance: &'a str,
    /// Every use before this time has been written.
    pub written_until: Timestamp,
    /// An instance that is not heard from until then issues no more tokens.
    pub expires_at: Timestamp,
}

impl Transaction {
    pub(super) async fn note_heartbeat(
        &mut self,
        heartbeat: &Heartbeat<'_>,
    ) -> Result<(), StoreError> {
        const NOTE: &str = "
            INSERT INTO usage_heartbeat (instance, written_until, expires_at)
            VALUES ($1, $2, $3)
            ON CONFLICT (instance) DO UPDATE
            SET written_until = excluded.written_until, expires_at = excluded.expires_at";
        const CLEAN: &str = "DELETE FROM usage_heartbeat WHERE expires_at <= $1";
        let Heartbeat { instance, written_until, expires_at } = *heartbeat;
        on_transaction!(self, |connection| {
            let note = sqlx::query(NOTE).bind(instance).bind(written_until.0).bind(expires_at.0);
            note.execute(&mut *connection).await?;
            sqlx::query(CLEAN).bind(written_until.0).execute(&mut *connection).await?;
            Ok(())
        })
    }
}

impl Store {
    /// The time until which every instance that may still issue tokens has written its usage
    /// statistics; `None` if no instance runs. `now` is the time of the database.
    pub async fn usage_written_until(
        &self,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        const SQL: &str = "SELECT MIN(written_until) FROM usage_heartbeat WHERE expires_at > $1";
        on_pool!(self, |pool| {
            let least: Option<i64> = sqlx::query_scalar(SQL).bind(now.0).fetch_one(pool).await?;
            Ok(least.map(Timestamp))
        })
    }

    /// Forgets an instance that has stopped and has written all of its usage statistics.
    pub async fn remove_heartbeat(&self, instance: &str) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM usage_heartbeat WHERE instance = $1";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(instance).execute(pool).await?;
            Ok(())
        })
    }
}
