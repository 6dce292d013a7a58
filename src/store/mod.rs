//! The database: SQL that runs on both SQLite and Postgres.
//!
//! Reads are methods of [`Store`] and of [`reader::Reader`], which reads inside or outside a
//! change. Every change of an audited object is a method of
//! [`write_transaction::WriteTransaction`], which also appends an event. [`Store`] writes the rest:
//! usage, rejections, leases, sessions and purges. Each file covers one noun. This module makes no
//! decisions.

pub mod backup;
pub mod clients;
pub mod decoded_page;
mod deletion;
pub mod engine;
pub mod events;
pub mod grants;
pub mod instances;
pub mod loaded_clients;
pub mod owners;
pub mod reader;
pub mod rejections;
pub mod resources;
pub mod revocations;
mod row;
pub mod schema;
pub mod secrets;
pub mod server;
mod signing_keys;
mod statement;
mod transaction;
mod trusts;
mod usage;
pub mod write_transaction;

use std::convert::identity;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tokio::sync::Mutex;

use crate::model::Malformed;
pub use crate::store::engine::Engine;
use crate::store::engine::gate::Gate;
use crate::store::engine::hosts::Hosts;
use crate::telemetry::metrics::store::StoreMetrics;

/// Runs a body of code on the open engine. The body is compiled once per engine, with the types of
/// that engine.
macro_rules! on_pool {
    ($store:expr, |$pool:ident| $body:expr) => {
        $crate::store::engine::query_metrics::measured(
            &$store.metrics,
            $crate::store::engine::query_metrics::Query::Statement,
            $store.timeout,
            Box::pin(async {
                $store.require_open()?;
                match &$store.pool {
                    $crate::store::Pool::Postgres($pool) => $body,
                    $crate::store::Pool::Sqlite($pool) => $body,
                }
            }),
        )
        .await
    };
}
pub(crate) use on_pool;

/// Why the store failed. A missing row is not an error: it is `None`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row of this kind and identifier already exists.
    #[error("there is already a {0}")]
    Conflict(&'static str),
    /// A referenced row does not exist.
    #[error("the {0} does not exist")]
    Missing(&'static str),
    /// The database was unavailable when the server started, and has not yet been identified as the
    /// same one.
    #[error("the database was unavailable at startup and has not been identified yet")]
    NotIdentified,
    /// The database did not respond in time.
    #[error("the database did not answer within {0:?}")]
    TimedOut(Duration),
    /// The database failed or is not reachable.
    #[error("the database failed")]
    Failed(#[from] sqlx::Error),
    /// COMMIT was sent and not confirmed: the change may or may not have been made.
    #[error("the database did not confirm the change")]
    OutcomeUnknown(#[source] Box<Self>),
    /// A row contains a value that no version of tokend writes.
    #[error("the database contains something that cannot be read: {0}")]
    Unreadable(#[from] Malformed),
    /// The database file cannot be created or opened.
    #[error("cannot open {path}: {problem}", path = path.display())]
    Unopenable {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        problem: String,
        /// The owner of the file and the user of this process, if they differ.
        owner: Option<(String, String)>,
    },
    /// The database file is not a database, or is damaged.
    #[error("{path} is not a SQLite database, or it is damaged", path = path.display())]
    Damaged {
        /// The path of the file.
        path: PathBuf,
    },
    /// The Postgres server cannot be reached.
    #[error("cannot connect to {server}: {problem}")]
    Unreachable {
        /// The host and port of the server.
        server: String,
        /// The cause.
        problem: std::io::Error,
    },
    /// The configured database does not exist.
    #[error("the database does not exist")]
    Absent,
    /// Exclusive access was requested, but another process uses the database.
    #[error("another process uses the database")]
    InUse,
}

impl StoreError {
    /// Returns the message of the database, without the server source location that Postgres adds.
    pub fn message_of_database(&self) -> Option<&str> {
        match self {
            Self::Failed(error) => error.as_database_error().map(DatabaseError::message),
            _ => None,
        }
    }

    /// True if this process has read-only access to the database.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Failed(error) if has_code(error, &["8", "1032", "1544", "25006"]))
    }

    /// True if the disk of the database is full: `SQLITE_FULL` or SQLSTATE 53100.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Failed(error) if has_code(error, &["13", "53100"]))
    }

    /// True if the database cannot be reached, does not respond in time, or is starting or
    /// stopping, so that it is expected to recover. False if it rejects the caller (SQLSTATE class
    /// 28) or does not exist.
    pub fn is_unavailable(&self) -> bool {
        let is_closed = |code: &str| {
            code.len() == 5 && ["08", "53", "57P"].iter().any(|class| code.starts_with(class))
        };
        match self {
            Self::TimedOut(_)
            | Self::Unreachable { .. }
            | Self::NotIdentified
            | Self::Failed(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => true,
            Self::Failed(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| is_closed(&code))
            }
            Self::OutcomeUnknown(cause) => cause.is_unavailable(),
            _ => false,
        }
    }

    /// True if a retry may succeed later. False if the rows themselves were rejected: by a
    /// constraint, or as invalid data (SQLSTATE classes 22 and 23).
    pub fn is_transient(&self) -> bool {
        let rejected = |error: &dyn DatabaseError| {
            let is_data =
                error.code().is_some_and(|code| code.len() == 5 && code.starts_with("22"));
            is_data || !matches!(error.kind(), ErrorKind::Other)
        };
        match self {
            Self::TimedOut(_) | Self::NotIdentified => true,
            Self::Failed(error) => !error.as_database_error().is_some_and(rejected),
            Self::OutcomeUnknown(cause) => cause.is_transient(),
            _ => false,
        }
    }
}

/// The number of bytes of a SQLite file that a bulk reader maps into memory: the most that SQLite
/// can map. A file of a million clients has 1.2 GB.
const MAPPED_BYTES: u32 = 0x7fff_0000;

/// How long a shutdown waits for connections that are in use.
const MAX_RETURN_TIME: Duration = Duration::from_secs(1);

/// An open database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    /// The Postgres servers.
    hosts: Hosts,
    timeout: Duration,
    /// Held by the change in progress. A process makes one change at a time, so that waiting
    /// changes cannot use up the connections that the current change needs.
    changing: Arc<Mutex<()>>,
    gate: Gate,
    /// The metrics of the database, shared by this store and all its clones.
    pub metrics: Arc<StoreMetrics>,
}

#[derive(Debug, Clone)]
enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Store {
    /// Returns a store on a separate connection for reading a lot of data at once. The caller
    /// closes it afterwards. With SQLite, the file is mapped into memory: reading in the order of
    /// ids needs each page of the file many times.
    #[must_use]
    pub fn bulk_reader(&self) -> Self {
        let mapped =
            |options: SqliteConnectOptions| options.pragma("mmap_size", MAPPED_BYTES.to_string());
        self.on_one_connection(identity, mapped)
    }

    /// Returns a store on a single separate connection with the given options.
    fn on_one_connection(
        &self,
        postgres: impl FnOnce(PgConnectOptions) -> PgConnectOptions,
        sqlite: impl FnOnce(SqliteConnectOptions) -> SqliteConnectOptions,
    ) -> Self {
        let pool = match &self.pool {
            Pool::Postgres(pool) => {
                let options = postgres(PgConnectOptions::clone(&pool.connect_options()));
                let one = engine::hosts::pool_options(&self.hosts);
                let one = one.max_connections(1).acquire_timeout(self.timeout);
                Pool::Postgres(one.connect_lazy_with(options))
            }
            Pool::Sqlite(pool) => {
                let options = sqlite(SqliteConnectOptions::clone(&pool.connect_options()));
                let one =
                    engine::open::pool_options().max_connections(1).acquire_timeout(self.timeout);
                Pool::Sqlite(one.connect_lazy_with(options))
            }
        };
        Self { pool, ..self.clone() }
    }

    /// Checks that the database responds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_pool!(self, |pool| {
            sqlx::query("SELECT 1").execute(pool).await?;
            Ok(())
        })
    }

    /// Returns the display name of the engine.
    pub fn engine(&self) -> &'static str {
        match self.pool {
            Pool::Postgres(_) => "Postgres",
            Pool::Sqlite(_) => "SQLite",
        }
    }

    /// Closes all connections. With SQLite, this checkpoints and removes the write-ahead log. The
    /// wait for a database that no longer responds is limited by the timeout.
    pub async fn close(&self) {
        let closing = async {
            match &self.pool {
                Pool::Postgres(pool) => pool.close().await,
                Pool::Sqlite(pool) => {
                    until_given_back(pool).await;
                    pool.close().await;
                }
            }
            Ok(())
        };
        // Connections that are still open end with the process.
        let _ = with_timeout(self.timeout, closing).await;
    }
}

/// Waits until no connection is in use. sqlx returns each connection in a separate task, which
/// closes the connection if the pool is already closed. SQLite removes the write-ahead log with the
/// last connection. If two connections close at the same time, neither is the last one, and the log
/// remains.
async fn until_given_back(pool: &SqlitePool) {
    let given_back = async {
        while pool.num_idle() < pool.size() as usize {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // A connection that is not returned must not block the shutdown.
    let _ = tokio::time::timeout(MAX_RETURN_TIME, given_back).await;
}

/// Limits the time of a statement: a frozen database never responds.
async fn with_timeout<T>(
    timeout: Duration,
    statement: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(timeout, statement).await {
        Ok(outcome) => outcome,
        Err(_) => Err(StoreError::TimedOut(timeout)),
    }
}

/// True if another process holds the lock of a SQLite file: `SQLITE_BUSY`, `SQLITE_LOCKED` or one
/// of their extended codes.
fn is_busy(error: &sqlx::Error) -> bool {
    has_code(error, &["5", "6", "261", "262", "517", "773"])
}

/// True if the error has one of these codes: SQLite result codes or SQLSTATEs.
fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}

/// Converts a violated constraint to the matching error; other errors become
/// [`StoreError::Failed`].
fn map_constraint(error: sqlx::Error, unique: &'static str, referred: &'static str) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => StoreError::Conflict(unique),
        Some(database) if database.is_foreign_key_violation() => StoreError::Missing(referred),
        _ => StoreError::Failed(error),
    }
}
