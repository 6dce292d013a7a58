//! What each running instance says of itself: how much of its usage statistics it has written, where
//! it runs, and which master keys it has. A secret that seems unused may have been used at an
//! instance that has not written yet; a key may not be sealed so that an instance cannot open it.

use serde::Serialize;

use crate::model::time::Timestamp;
use crate::store::reader::Reader;
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::transaction::{Transaction, on_transaction};
use crate::store::write_transaction::WriteTransaction;
use crate::store::{Store, StoreError, on_pool};

/// What an instance says each time that it writes its usage statistics. Times are those of the
/// clock of the database.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat<'a> {
    /// The instance.
    pub instance: &'a str,
    /// The host and the process, for people.
    pub host: &'a str,
    /// The fingerprints of its master keys, separated by commas. The first one seals.
    pub master_keys: &'a str,
    /// Every use before this time has been written.
    pub written_until: Timestamp,
    /// An instance that is not heard from until then issues no more tokens.
    pub expires_at: Timestamp,
}

/// An instance that runs, or that was killed a short time ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiveInstance {
    /// The instance.
    pub instance: String,
    /// The host and the process, for people. Instances of earlier versions do not say it.
    pub host: Option<String>,
    /// The fingerprints of its master keys, the one that seals first; empty for an instance of an
    /// earlier version.
    pub master_keys: Vec<String>,
    /// When it last said that it runs.
    pub last_heartbeat_at: Timestamp,
    /// When it is treated as ended if it does not say so again.
    pub expires_at: Timestamp,
}

named_row! {
    struct InstanceRow {
        instance: String,
        place: Option<String>,
        master_keys: Option<String>,
        written_until: i64,
        expires_at: i64,
    }
}

impl InstanceRow {
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
        const NOTE: &str = "
            INSERT INTO usage_heartbeat (instance, place, master_keys, written_until, expires_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (instance) DO UPDATE
            SET place = excluded.place, master_keys = excluded.master_keys,
                written_until = excluded.written_until, expires_at = excluded.expires_at";
        const CLEAN: &str = "DELETE FROM usage_heartbeat WHERE expires_at <= $1";
        let Heartbeat { instance, host, master_keys, written_until, expires_at } = *heartbeat;
        on_transaction!(self, |connection| {
            let note = sqlx::query(NOTE).bind(instance).bind(host).bind(master_keys);
            let note = note.bind(written_until.0).bind(expires_at.0);
            note.execute(&mut *connection).await?;
            sqlx::query(CLEAN).bind(written_until.0).execute(&mut *connection).await?;
            Ok(())
        })
    }
}

impl WriteTransaction {
    /// Notes that an instance runs, while no other process changes anything.
    pub async fn note_instance(&mut self, heartbeat: &Heartbeat<'_>) -> Result<(), StoreError> {
        self.transaction.note_heartbeat(heartbeat).await
    }
}

impl Reader<'_> {
    /// Every instance that runs at `now`, the time of the database, or was killed. One that has
    /// stopped reads the keys of the database again before it uses it.
    pub async fn live_instances(
        &mut self,
        now: Timestamp,
    ) -> Result<Vec<LiveInstance>, StoreError> {
        let mut statement = Statement::default();
        statement.push(
            "SELECT instance, place, master_keys, written_until, expires_at FROM usage_heartbeat ",
        );
        statement.push_with(
            "WHERE expires_at > ? AND stopped_at IS NULL ORDER BY place, instance",
            [now.into()],
        );
        let rows = self.rows::<InstanceRow>(&statement).await?;
        Ok(rows.into_iter().map(InstanceRow::decode).collect())
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

    /// Notes that an instance has stopped that may start again without the database, and may then
    /// accept secrets for as long as its memory may be trusted.
    pub async fn note_stop(&self, instance: &str, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE usage_heartbeat SET stopped_at = $2 WHERE instance = $1";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(instance).bind(now.0).execute(pool).await?;
            Ok(())
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
