//! The database: SQL that runs on SQLite and on Postgres.
//!
//! Reads are methods of [`reader::Reader`], which reads inside a change or outside, and of
//! [`Store`], a file a noun. Every write is a method of [`write_transaction::WriteTransaction`],
//! one transaction that also appends an event. Nothing here decides.

pub mod backup;
pub mod clients;
pub mod decoded_page;
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

/// Runs one body of code on whichever engine is open. The body is compiled once for each, with
/// that engine's own types.
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

/// Why the store could not do what was asked. "Not found" is not an error: it is `None`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row of that kind and identifier exists already.
    #[error("there is already a {0}")]
    Conflict(&'static str),
    /// A row that is referred to does not exist.
    #[error("the {0} does not exist")]
    Missing(&'static str),
    /// The database was unavailable when the server started, and is not known to be the same one
    /// yet.
    #[error("the database was unavailable at the start, and was not asked yet what it is")]
    NotIdentified,
    /// The database did not answer in time.
    #[error("the database did not answer within {0:?}")]
    TimedOut(Duration),
    /// The database failed or is not there.
    #[error("the database failed")]
    Failed(#[from] sqlx::Error),
    /// The COMMIT of a change was sent and not confirmed: the change was made, or it was not.
    #[error("the database did not confirm the change")]
    OutcomeUnknown(#[source] Box<Self>),
    /// A row holds something that no version of tokend writes.
    #[error("the database holds something that cannot be read: {0}")]
    Unreadable(#[from] Malformed),
    /// The database file cannot be made or opened.
    #[error("cannot open {path}: {problem}", path = path.display())]
    Unopenable {
        /// Its place.
        path: PathBuf,
        /// The cause.
        problem: String,
        /// The owner and the user of this process, if they are two.
        owner: Option<(String, String)>,
    },
    /// The database file is not a database, or is damaged.
    #[error("{path} is not a SQLite database, or it is damaged", path = path.display())]
    Damaged {
        /// Its place.
        path: PathBuf,
    },
    /// The Postgres server cannot be reached.
    #[error("cannot connect to {server}: {problem}")]
    Unreachable {
        /// Its host and port, as they are tried.
        server: String,
        /// The cause.
        problem: std::io::Error,
    },
    /// A database does not exist at the place of the settings.
    #[error("the database does not exist")]
    Absent,
    /// Another process uses the database, which must be used alone.
    #[error("another process uses the database")]
    InUse,
}

impl StoreError {
    /// What the database said, without the line of its own source that Postgres adds.
    pub fn message_of_database(&self) -> Option<&str> {
        match self {
            Self::Failed(error) => error.as_database_error().map(DatabaseError::message),
            _ => None,
        }
    }

    /// True if the database may only be read by this process.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Failed(error) if has_code(error, &["8", "1032", "1544", "25006"]))
    }

    /// True if the disk of the database is full: `SQLITE_FULL`, or SQLSTATE 53100.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Failed(error) if has_code(error, &["13", "53100"]))
    }

    /// True if the database cannot be reached, does not answer in time, or starts or stops: it is
    /// expected to come back. Not so if it rejects the caller (SQLSTATE class 28) or does not exist.
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

    /// True if the same may succeed later. Not so if the rows themselves were rejected: a
    /// constraint, or data that the database does not take (SQLSTATE classes 22 and 23).
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

/// How much of a SQLite file is mapped into memory while much is read, in bytes.
const MAPPED_BYTES: u32 = 512 << 20;

/// How long the end of a process waits for connections that are in use.
const MAX_RETURN_TIME: Duration = Duration::from_secs(1);

/// How many rows the thread that reads a SQLite file may be ahead while much is read. It is woken
/// once for so many rows.
const BUFFERED_ROWS: usize = 1_000;

/// An open database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    /// The servers of Postgres.
    hosts: Hosts,
    timeout: Duration,
    /// Held by the change in progress: a process makes one at a time, so that changes that wait
    /// for one another never take every connection from the one that could continue.
    changing: Arc<Mutex<()>>,
    gate: Gate,
    /// What is counted of it, by this store and all that come from it.
    pub metrics: Arc<StoreMetrics>,
}

#[derive(Debug, Clone)]
enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Store {
    /// The same store with one connection of its own, for reading a great deal at once; to be
    /// closed after that. On SQLite it maps the file into memory: what is read in the order of ids
    /// has no order there, so each page of the file is needed many times.
    #[must_use]
    pub fn bulk_reader(&self) -> Self {
        let mapped = |options: SqliteConnectOptions| {
            options.pragma("mmap_size", MAPPED_BYTES.to_string()).row_buffer_size(BUFFERED_ROWS)
        };
        self.on_one_connection(identity, mapped)
    }

    /// The same store on one connection of its own, with options for it.
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

    /// Checks whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_pool!(self, |pool| {
            sqlx::query("SELECT 1").execute(pool).await?;
            Ok(())
        })
    }

    /// The name of the engine, for people.
    pub fn engine(&self) -> &'static str {
        match self.pool {
            Pool::Postgres(_) => "Postgres",
            Pool::Sqlite(_) => "SQLite",
        }
    }

    /// Closes every connection; with SQLite this folds the write-ahead log into the file and removes
    /// it. Does not wait for a database that no longer answers.
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
        // Whatever is not closed by then ends with the process.
        let _ = with_timeout(self.timeout, closing).await;
    }
}

/// Waits until no connection is in use. sqlx gives each one back in a task of its own, and such a
/// task closes the connection if the pool is closed by then. SQLite removes the write-ahead log with
/// the last connection. If two close at the same time, neither is the last one, and the log stays.
async fn until_given_back(pool: &SqlitePool) {
    let given_back = async {
        while pool.num_idle() < pool.size() as usize {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // A connection that is not given back must not hold up the end.
    let _ = tokio::time::timeout(MAX_RETURN_TIME, given_back).await;
}

/// Gives up on a statement that takes too long: a frozen database answers nothing at all.
async fn with_timeout<T>(
    timeout: Duration,
    statement: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(timeout, statement).await {
        Ok(outcome) => outcome,
        Err(_) => Err(StoreError::TimedOut(timeout)),
    }
}

/// True if another process holds the lock of a SQLite file: `SQLITE_BUSY` or `SQLITE_LOCKED`, or one
/// of their extended codes.
fn is_busy(error: &sqlx::Error) -> bool {
    has_code(error, &["5", "6", "261", "262", "517", "773"])
}

/// True if the database failed with one of these codes: result codes of SQLite, or SQLSTATE.
fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}

/// Turns a violated constraint into what it means, and leaves every other failure as it is.
fn map_constraint(error: sqlx::Error, unique: &'static str, referred: &'static str) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => StoreError::Conflict(unique),
        Some(database) if database.is_foreign_key_violation() => StoreError::Missing(referred),
        _ => StoreError::Failed(error),
    }
}
