//! Opens the database in a mode that determines what may be created, written or locked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

use crate::config::{DatabaseSettings, Location};
use crate::files::create_private_folder;
use crate::store::engine::files;
use crate::store::engine::gate::Gate;
use crate::store::engine::hosts::{self, Hosts};
use crate::store::{Pool, Store, StoreError, has_code, is_busy};

/// The purpose for which a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Serve or migrate: a missing SQLite file is created.
    Create,
    /// Change rows of an existing database.
    Change,
    /// Read rows of an existing database. Leaves no files behind.
    Read,
    /// Examine an existing database without writing anything, not even temporarily.
    Check,
    /// Change a database that no other process uses. SQLite locks out all other processes until the
    /// store is closed. With Postgres, the change itself locks them out.
    Exclusive,
}

impl Store {
    /// Connects to the database, without checking its schema.
    ///
    /// # Errors
    ///
    /// [`StoreError::Absent`] if the SQLite file does not exist and the mode does not create it,
    /// [`StoreError::InUse`] if exclusive use is not possible, and errors of the database.
    pub async fn open(database: &DatabaseSettings, mode: OpenMode) -> Result<Self, StoreError> {
        let timeout = database.timeout;
        let mut hosts = Hosts::default();
        let pool = match &database.location {
            Location::Sqlite(path) => Pool::Sqlite(open_sqlite(path, timeout, mode).await?),
            Location::Postgres(urls) => {
                hosts = hosts_of(urls)?;
                let first = hosts.first_choice(timeout).await?;
                Pool::Postgres(hosts::pool(&hosts, first, database.max_connections, timeout))
            }
        };
        let store = Self::with_pool(pool, hosts, timeout, Gate::default());
        store.ping().await?;
        Ok(store)
    }

    /// Returns a store for a Postgres database that is currently unavailable. It connects on first
    /// use, and its gate is closed. `None` for SQLite, which runs inside the server.
    ///
    /// # Errors
    /// If a URL cannot be parsed.
    pub fn unavailable_postgres(database: &DatabaseSettings) -> Result<Option<Self>, StoreError> {
        let Location::Postgres(urls) = &database.location else { return Ok(None) };
        let hosts = hosts_of(urls)?;
        let Some(first) = hosts.first() else { return Ok(None) };
        let pool = hosts::pool(&hosts, first, database.max_connections, database.timeout);
        Ok(Some(Self::with_pool(Pool::Postgres(pool), hosts, database.timeout, Gate::closed())))
    }

    fn with_pool(pool: Pool, hosts: Hosts, timeout: Duration, gate: Gate) -> Self {
        Self { pool, hosts, timeout, changing: Arc::default(), gate, metrics: Arc::default() }
    }
}

fn hosts_of(urls: &[SecretString]) -> Result<Hosts, StoreError> {
    let options = urls.iter().map(|url| {
        let options: PgConnectOptions = url.expose_secret().parse()?;
        Ok(options.application_name("tokend"))
    });
    Ok(Hosts::new(options.collect::<Result<_, sqlx::Error>>()?))
}

/// Options of a SQLite pool. When a disk is full, SQLite ends a transaction by itself, but sqlx
/// still considers it open. Such a connection is closed instead of reused.
pub(in crate::store) fn pool_options() -> SqlitePoolOptions {
    SqlitePoolOptions::new().before_acquire(|connection, _| {
        Box::pin(async move { Ok(!connection.is_in_transaction()) })
    })
}

async fn open_sqlite(
    path: &Path,
    timeout: Duration,
    mode: OpenMode,
) -> Result<SqlitePool, StoreError> {
    let unopenable = |problem: &dyn std::fmt::Display| StoreError::Unopenable {
        path: path.to_owned(),
        problem: problem.to_string(),
        owner: files::owner_and_process(path),
    };
    if mode == OpenMode::Create {
        let folder = path.parent().unwrap_or(Path::new(""));
        create_private_folder(folder).map_err(|error| unopenable(&error))?;
        // SQLite gives its other files the mode of this file.
        files::create_private_file(path).map_err(|error| unopenable(&error))?;
    } else if let Err(error) = std::fs::metadata(path) {
        return Err(match error.kind() {
            std::io::ErrorKind::NotFound => StoreError::Absent,
            _ => unopenable(&error),
        });
    }
    let options = options(path, timeout, mode);
    let connect = || {
        let connections = if mode == OpenMode::Exclusive { 1 } else { 4 };
        pool_options()
            .max_connections(connections)
            .acquire_timeout(timeout)
            // A permanent connection holds the lock by which other processes detect this one.
            .min_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with(options.clone())
    };
    // Processes that open a new file at the same time collide while it changes to WAL mode.
    let mut attempts = 0_u32;
    loop {
        match connect().await {
            Ok(pool) => return look_inside(pool, path, mode).await,
            Err(error) if mode == OpenMode::Exclusive && is_busy(&error) => {
                return Err(StoreError::InUse);
            }
            Err(error) if attempts < 10 && is_busy(&error) => {
                attempts += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) if is_not_a_database(&error) => {
                return Err(StoreError::Damaged { path: path.to_owned() });
            }
            Err(error) => return Err(unopenable(&error)),
        }
    }
}

/// Reads the first page, because opening alone does not read anything.
async fn look_inside(
    pool: SqlitePool,
    path: &Path,
    mode: OpenMode,
) -> Result<SqlitePool, StoreError> {
    match sqlx::query("SELECT COUNT(*) FROM sqlite_master").execute(&pool).await {
        Ok(_) => Ok(pool),
        Err(error) => {
            pool.close().await;
            Err(match error {
                error if is_not_a_database(&error) => StoreError::Damaged { path: path.to_owned() },
                error if mode == OpenMode::Exclusive && is_busy(&error) => StoreError::InUse,
                error => error.into(),
            })
        }
    }
}

fn options(path: &Path, timeout: Duration, mode: OpenMode) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(timeout)
        // SQLite's thread may read ahead by one page of rows.
        .row_buffer_size(1000);
    let for_writing = |options: SqliteConnectOptions| {
        options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
    };
    match mode {
        OpenMode::Create | OpenMode::Change => for_writing(options),
        OpenMode::Exclusive => for_writing(options)
            .locking_mode(SqliteLockingMode::Exclusive)
            .busy_timeout(Duration::from_secs(1)),
        OpenMode::Read | OpenMode::Check => for_reading(path, options, mode),
    }
}

/// Options for reading without leaving files behind. In WAL mode, SQLite creates two files next to
/// the database even for reading. It removes them when the last connection closes, if that
/// connection may write.
fn for_reading(path: &Path, options: SqliteConnectOptions, mode: OpenMode) -> SqliteConnectOptions {
    let log = files::companion(path, "-wal");
    let has_log = std::fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0);
    let has_index = files::companion(path, "-shm").exists();
    let may_write =
        files::is_writable(path) && files::is_writable(path.parent().unwrap_or(Path::new("")));
    match (may_write, mode) {
        // Normal SQLite locking and a clean shutdown: safe next to any other process.
        (true, OpenMode::Read) => options.pragma("query_only", "on"),
        // Both files exist: another process uses the database, or was killed.
        _ if log.exists() && has_index => options.read_only(true),
        // Only the database file exists: read it as it is, without a lock.
        _ if !has_log => options.read_only(true).immutable(true),
        // A log that was copied without its index: only a connection that may write can read it.
        _ => options,
    }
}

/// True if the file is not a SQLite database, or is damaged (`SQLITE_NOTADB`, `SQLITE_CORRUPT`).
fn is_not_a_database(error: &sqlx::Error) -> bool {
    has_code(error, &["26", "11"])
}
