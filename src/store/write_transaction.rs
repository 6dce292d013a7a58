//! A change: one transaction that writes rows and appends events, or does nothing.
//!
//! It first locks the end of the hash chain. So changes are serialized in every process and on
//! both engines, and the data that a change reads stays valid until it commits. The sequence of
//! events has no gaps and is the order of commits.

use tokio::sync::OwnedMutexGuard;

use crate::model::creator::Creator;
use crate::model::event::{Event, Head};
use crate::model::time::{Clock, Timestamp};
use crate::store::events::EventRow;
use crate::store::transaction::{EngineTransaction, Transaction};
use crate::store::{Pool, Store, StoreError, with_timeout};

/// The Postgres channel that wakes the followers.
pub(crate) const CHANNEL: &str = "tokend_event";

/// Queries the time of a Postgres server, in seconds.
const POSTGRES_TIME: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)";

/// A transaction that holds the lock on the end of the hash chain.
pub struct WriteTransaction {
    pub(super) transaction: Transaction,
    /// The creator of the credentials that this transaction writes.
    pub(super) creator: Creator,
    head: Head,
    /// The actions of the events of this change, for metrics.
    actions: Vec<String>,
    _alone: OwnedMutexGuard<()>,
}

/// Runs a body of code on the transaction of a change.
macro_rules! on_write {
    ($change:expr, |$connection:ident| $body:expr) => {
        $crate::store::transaction::on_transaction!($change.transaction, |$connection| $body)
    };
}
pub(super) use on_write;

impl Store {
    /// Returns the time of the database: see [`WriteTransaction::time`].
    pub async fn time(&self, clock: &Clock) -> Result<Timestamp, StoreError> {
        let Pool::Postgres(pool) = &self.pool else { return Ok(clock.now()) };
        let time =
            async { Ok(Timestamp(sqlx::query_scalar(POSTGRES_TIME).fetch_one(pool).await?)) };
        with_timeout(self.timeout, time).await
    }

    /// Begins a change, after all earlier changes have ended.
    pub async fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let alone =
            with_timeout(self.timeout, async { Ok(self.changing.clone().lock_owned().await) });
        let alone = alone.await?;
        WriteTransaction::with_transaction(self.transaction().await?, alone).await
    }
}

impl WriteTransaction {
    /// Begins a change on an open transaction.
    pub(super) async fn with_transaction(
        transaction: Transaction,
        alone: OwnedMutexGuard<()>,
    ) -> Result<Self, StoreError> {
        const SQL: &str = "
            UPDATE event_head
            SET sequence = sequence
            WHERE id = 1
            RETURNING sequence, hash";
        let mut change = Self {
            transaction,
            creator: Creator::default(),
            head: Head { sequence: 0, hash: String::new() },
            actions: Vec::new(),
            _alone: alone,
        };
        let (sequence, hash): (i64, String) = on_write!(change, |connection| {
            Ok(sqlx::query_as(SQL).fetch_one(connection).await?)
        })?;
        change.head = Head { sequence, hash };
        Ok(change)
    }

    /// Returns the time of the database. Instances that share a Postgres server use its clock.
    /// SQLite runs on this machine, so its time is that of `clock`.
    pub async fn time(&mut self, clock: &Clock) -> Result<Timestamp, StoreError> {
        let EngineTransaction::Postgres(transaction) = &mut self.transaction.engine else {
            return Ok(clock.now());
        };
        let time = sqlx::query_scalar(POSTGRES_TIME);
        let time = async { Ok(Timestamp(time.fetch_one(&mut **transaction).await?)) };
        with_timeout(self.transaction.timeout, time).await
    }

    /// Returns the end of the hash chain, to which the next event is linked.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Appends an event, which must be linked to [`WriteTransaction::head`].
    pub async fn append(&mut self, event: &Event) -> Result<(), StoreError> {
        self.actions.push(event.action.clone());
        let appended = self.insert(EventRow::of(event), "event of that sequence", "event").await;
        if appended.is_err() {
            self.transaction.metrics.count_change(&self.actions, false);
        }
        appended?;
        self.head = Head { sequence: event.sequence, hash: event.hash.clone() };
        Ok(())
    }

    /// Commits the change and wakes the followers. A change that is dropped instead is rolled back.
    ///
    /// [`StoreError::OutcomeUnknown`] means that COMMIT was sent and not confirmed. After any other
    /// error, the change was not made.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let (actions, metrics) =
            (std::mem::take(&mut self.actions), self.transaction.metrics.clone());
        let committed = self.send_commit().await;
        metrics.count_change(&actions, committed.is_ok());
        committed
    }

    async fn send_commit(mut self) -> Result<(), StoreError> {
        const HEAD: &str = "UPDATE event_head SET sequence = $1, hash = $2 WHERE id = 1";
        const WAKE: &str = "SELECT pg_notify($1, $2)";
        let Head { sequence, hash } = self.head.clone();
        on_write!(self, |connection| {
            sqlx::query(HEAD).bind(sequence).bind(hash).execute(connection).await?;
            Ok(())
        })?;
        if let EngineTransaction::Postgres(transaction) = &mut self.transaction.engine {
            let wake = sqlx::query(WAKE).bind(CHANNEL).bind(sequence.to_string());
            let wake = async { Ok(wake.execute(&mut **transaction).await?) };
            with_timeout(self.transaction.timeout, wake).await?;
        }
        let committed = self.transaction.commit().await;
        committed.map_err(|cause| StoreError::OutcomeUnknown(Box::new(cause)))
    }
}
