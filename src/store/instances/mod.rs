//! Detects whether any instance runs on the database.
//!
//! With Postgres, each instance holds a shared advisory lock on the connection of its change
//! listener. Postgres releases the lock when the process ends in any way. With SQLite, each process
//! holds the engine's lock on the file: see [`crate::store::engine::open::OpenMode::Exclusive`].

pub mod heartbeat;
mod leases;
mod wanted_algorithms;

use sqlx::Executor;
use sqlx::postgres::PgListener;

use crate::store::transaction::{EngineTransaction, Transaction};
use crate::store::write_transaction::WriteTransaction;
use crate::store::{StoreError, with_timeout};

/// The Postgres advisory lock that all running instances share: `tokend` in ASCII.
const INSTANCE_LOCK: i64 = 0x746f_6b65_6e64;

/// Marks this instance as running for as long as the connection lasts. TCP keep-alives limit how
/// long the mark outlives a machine that lost power.
pub(super) async fn register(listener: &mut PgListener) -> Result<(), sqlx::Error> {
    const KEEP_ALIVE: &str = "
        SELECT set_config('tcp_keepalives_idle', '15', FALSE),
               set_config('tcp_keepalives_interval', '5', FALSE),
               set_config('tcp_keepalives_count', '3', FALSE)";
    const SHARE: &str = "SELECT pg_advisory_lock_shared($1)";
    (&mut *listener).execute(sqlx::query(KEEP_ALIVE)).await?;
    (&mut *listener).execute(sqlx::query(SHARE).bind(INSTANCE_LOCK)).await?;
    Ok(())
}

impl WriteTransaction {
    /// Ensures that no instance runs until this change ends.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] if an instance runs.
    pub async fn require_no_instance(&mut self) -> Result<(), StoreError> {
        self.transaction.require_no_instance().await
    }
}

impl Transaction {
    /// Ensures that no instance runs until this transaction ends, and excludes other transactions
    /// that require the same.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] if an instance runs or another transaction has excluded instances.
    pub(super) async fn require_no_instance(&mut self) -> Result<(), StoreError> {
        const TRY: &str = "SELECT pg_try_advisory_xact_lock($1)";
        let timeout = self.timeout;
        let EngineTransaction::Postgres(transaction) = &mut self.engine else { return Ok(()) };
        let attempt = async {
            let query = sqlx::query_scalar(TRY).bind(INSTANCE_LOCK);
            Ok(query.fetch_one(&mut **transaction).await?)
        };
        let is_alone: bool = with_timeout(timeout, attempt).await?;
        if is_alone { Ok(()) } else { Err(StoreError::InUse) }
    }
}
