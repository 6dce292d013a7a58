//! The state that each running instance reports: how far it has written its usage statistics, where
//! it runs, and its master keys. A secret that seems unused may have been used on an instance that
//! has not written yet. A key must not be sealed so that an instance cannot open it.

use serde::Serialize;

use crate::model::time::Timestamp;
use crate::store::reader::Reader;
use crate::store::row::{TableRow, table_row, upsertion};
use crate::store::statement::{Statement, prepared};
use crate::store::transaction::{Transaction, on_transaction};
use crate::store::write_transaction::WriteTransaction;
use crate::store::{Store, StoreError, on_pool};

/// A report that an instance writes together with its usage statistics. Times are those of the
/// database clock.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat<'a> {
    /// The id of the instance.
    pub instance: &'a str,
    /// The host and the process, for display.
    pub host: &'a str,
    /// The fingerprints of the instance's master keys, separated by commas. The first key seals.
    pub master_keys: &'a str,
    /// The time until which all uses have been written.
    pub written_until: Timestamp,
    /// The time at which the instance stops issuing tokens if it has no contact to the database.
    pub expires_at: Timestamp,
}

/// An instance that is running or was killed recently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiveInstance {
    /// The id of the instance.
    pub instance: String,
    /// The host and the process, for display. Earlier versions do not report it.
    pub host: Option<String>,
    /// The fingerprints of the instance's master keys; the sealing key comes first. Empty for an
    /// instance of an earlier version.
    pub master_keys: Vec<String>,
    /// The time of the last heartbeat.
    pub last_heartbeat_at: Timestamp,
    /// The time at which the instance is treated as ended unless it sends another heartbeat.
    pub expires_at: Timestamp,
}

table_row! {
    /// The columns of `usage_heartbeat` that a heartbeat replaces.
    struct InstanceRow in "usage_heartbeat" {
        instance: String,
        place: Option<String>,
        master_keys: Option<String>,
        written_until: i64,
        expires_at: i64,
    }
}

impl InstanceRow {
    fn of(heartbeat: &Heartbeat<'_>) -> Self {
        Self {
            instance: heartbeat.instance.to_owned(),
            place: Some(heartbeat.host.to_owned()),
            master_keys: Some(heartbeat.master_keys.to_owned()),
            written_until: heartbeat.written_until.0,
            expires_at: heartbeat.expires_at.0,
        }
    }

    fn decode(self) -> LiveInstance {
        let keys = self.master_keys.unwrap_or_default();
        let keys = keys.split(',').filter(|key| !key.is_empty()).map(str::to_owned);
        LiveInstance {
            instance: self.instance,
            host: self.place,
            master_keys: keys.collect(),
            last_heartbeat_at: Timestamp(self.written_until),
            expires_at: Timestamp(self.expires_at),
        }
    }
}

impl Transaction {
    pub(in crate::store) async fn note_heartbeat(
        &mut self,
        heartbeat: &Heartbeat<'_>,
    ) -> Result<(), StoreError> {
        const CLEAN: &str = "DELETE FROM usage_heartbeat WHERE expires_at <= $1";
        let note = upsertion(InstanceRow::of(heartbeat), 1);
        on_transaction!(self, |connection| {
            prepared!(sqlx::query, note, connection).execute(&mut *connection).await?;
            let clean = sqlx::query(CLEAN).bind(heartbeat.written_until.0);
            clean.execute(&mut *connection).await?;
            Ok(())
        })
    }
}

impl WriteTransaction {
    /// Records the heartbeat of an instance while no other process changes anything.
    pub async fn note_instance(&mut self, heartbeat: &Heartbeat<'_>) -> Result<(), StoreError> {
        self.transaction.note_heartbeat(heartbeat).await
    }
}

impl Reader<'_> {
    /// Returns all instances that run at `now`, or were killed before they could stop. `now` is the
    /// time of the database. Stopped instances are not listed: they read the keys again before they
    /// use the database.
    pub async fn live_instances(
        &mut self,
        now: Timestamp,
    ) -> Result<Vec<LiveInstance>, StoreError> {
        let mut statement = Statement::default();
        statement.push(InstanceRow::SELECT).push_with(
            "WHERE expires_at > ? AND stopped_at IS NULL ORDER BY place, instance",
            [now.into()],
        );
        let rows = self.rows::<InstanceRow>(&statement).await?;
        Ok(rows.into_iter().map(InstanceRow::decode).collect())
    }
}

impl Store {
    /// Returns the time until which every instance that may still issue tokens has written its
    /// usage statistics. `None` if no instance runs. `now` is the time of the database.
    pub async fn usage_written_until(
        &self,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        const SQL: &str = "SELECT MIN(written_until) FROM usage_heartbeat WHERE expires_at > $1";
        on_pool!(self, |pool| {
            let earliest: Option<i64> = sqlx::query_scalar(SQL).bind(now.0).fetch_one(pool).await?;
            Ok(earliest.map(Timestamp))
        })
    }

    /// Records that an instance has stopped. It may start again without the database and then
    /// accept secrets for as long as its snapshot may be trusted.
    pub async fn note_stop(&self, instance: &str, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE usage_heartbeat SET stopped_at = $2 WHERE instance = $1";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(instance).bind(now.0).execute(pool).await?;
            Ok(())
        })
    }

    /// Removes an instance that has stopped and has written all its usage statistics.
    pub async fn remove_heartbeat(&self, instance: &str) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM usage_heartbeat WHERE instance = $1";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(instance).execute(pool).await?;
            Ok(())
        })
    }
}
