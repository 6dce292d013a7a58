//! A transaction on either engine.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Postgres, Sqlite};

use crate::store::engine::query_metrics::{Query, measured};
use crate::store::statement::{Statement, prepared};
use crate::store::{Pool, Store, StoreError};
use crate::telemetry::metrics::store::StoreMetrics;

/// A transaction. It is rolled back if it is dropped.
pub(super) struct Transaction {
    pub(super) engine: EngineTransaction,
    pub(super) timeout: Duration,
    pub(super) metrics: Arc<StoreMetrics>,
}

pub(super) enum EngineTransaction {
    Postgres(sqlx::Transaction<'static, Postgres>),
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

/// Runs a body of code on a transaction, within the timeout of the store. The body is compiled once
/// per engine.
macro_rules! on_transaction {
    ($transaction:expr, |$connection:ident| $body:expr) => {{
        let timeout = $transaction.timeout;
        let metrics = $transaction.metrics.clone();
        let work = async {
            match &mut $transaction.engine {
                $crate::store::transaction::EngineTransaction::Postgres(transaction) => {
                    let $connection = &mut **transaction;
                    $body
                }
                $crate::store::transaction::EngineTransaction::Sqlite(transaction) => {
                    let $connection = &mut **transaction;
                    $body
                }
            }
        };
        $crate::store::engine::query_metrics::measured(
            &metrics,
            $crate::store::engine::query_metrics::Query::InTransaction,
            timeout,
            Box::pin(work),
        )
        .await
    }};
}
pub(super) use on_transaction;

impl Store {
    /// Opens a write transaction. On SQLite it takes the lock immediately.
    pub(super) async fn transaction(&self) -> Result<Transaction, StoreError> {
        // A client that disappears mid-transaction must not hold its locks for long.
        const IDLE_TIMEOUT: &str = "SET LOCAL idle_in_transaction_session_timeout = '15s'";
        let begin = async {
            self.require_open()?;
            Ok(match &self.pool {
                Pool::Postgres(pool) => {
                    let mut transaction = pool.begin().await?;
                    sqlx::query(IDLE_TIMEOUT).execute(&mut *transaction).await?;
                    EngineTransaction::Postgres(transaction)
                }
                Pool::Sqlite(pool) => {
                    EngineTransaction::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)
                }
            })
        };
        let engine = measured(&self.metrics, Query::Begin, self.timeout, Box::pin(begin)).await?;
        Ok(Transaction { engine, timeout: self.timeout, metrics: self.metrics.clone() })
    }
}

impl Transaction {
    /// Runs a statement and returns the number of changed rows.
    pub(super) async fn run(&mut self, statement: &Statement) -> Result<u64, StoreError> {
        on_transaction!(self, |connection| {
            let done = prepared!(sqlx::query, statement, connection).execute(connection).await?;
            Ok(done.rows_affected())
        })
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        let commit = async {
            match self.engine {
                EngineTransaction::Postgres(transaction) => transaction.commit().await?,
                EngineTransaction::Sqlite(transaction) => transaction.commit().await?,
            }
            Ok(())
        };
        measured(&self.metrics, Query::Commit, self.timeout, Box::pin(commit)).await
    }
}
