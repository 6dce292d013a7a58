//! Reads one consistent snapshot of the database while other connections change it.

use std::convert::identity;
use std::time::Duration;

use sqlx::{AssertSqlSafe, ColumnIndex, Database, Decode, Type};

use crate::model::backup::{Column, ColumnKind, Row};
use crate::model::event::Head;
use crate::store::backup::{EVENTS, known, list_of};
use crate::store::transaction::{EngineTransaction, Transaction, on_transaction};
use crate::store::{Pool, Store, StoreError, with_timeout};

/// The cursor of Postgres that reads the open table.
const CURSOR: &str = "tokend_backup";

/// The number of rows per page.
pub const PAGE_SIZE: usize = 200;

/// The timeout of one page. It is long, because a backup is not urgent.
const PAGE_TIMEOUT: Duration = Duration::from_mins(2);

/// A transaction that sees the database as of one time. It uses a separate connection.
pub struct BackupReader {
    transaction: Transaction,
    store: Store,
}

/// A table that is being read, page by page.
pub struct OpenTable {
    name: &'static str,
    /// The columns of the table.
    pub columns: Vec<Column>,
    /// SQLite only: the row id, or the sequence, of the last row that was read.
    after: i64,
}

impl Store {
    /// Starts to read a consistent snapshot. It does not block writers.
    pub async fn begin_reading(&self) -> Result<BackupReader, StoreError> {
        const ONE_STATE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let store = self.on_one_connection(identity, identity);
        let begin = async {
            Ok(match &store.pool {
                Pool::Postgres(pool) => {
                    EngineTransaction::Postgres(pool.begin_with(ONE_STATE).await?)
                }
                // The first statement that reads determines the snapshot.
                Pool::Sqlite(pool) => EngineTransaction::Sqlite(pool.begin().await?),
            })
        };
        let engine = with_timeout(store.timeout, begin).await?;
        let metrics = store.metrics.clone();
        Ok(BackupReader {
            transaction: Transaction { engine, timeout: PAGE_TIMEOUT, metrics },
            store,
        })
    }
}

impl BackupReader {
    /// Returns the version of the schema; 0 if the database is empty.
    pub async fn schema(&mut self) -> Result<i64, StoreError> {
        self.transaction.schema().await
    }

    /// Returns the end of the hash chain.
    pub async fn head(&mut self) -> Result<Head, StoreError> {
        const SQL: &str = "SELECT sequence, hash FROM event_head WHERE id = 1";
        let (sequence, hash): (i64, String) = on_transaction!(self.transaction, |connection| {
            Ok(sqlx::query_as(SQL).fetch_one(connection).await?)
        })?;
        Ok(Head { sequence, hash })
    }

    /// Starts to read a table; `None` if this version of the schema does not have it.
    pub async fn open(&mut self, table: &str) -> Result<Option<OpenTable>, StoreError> {
        let Some(name) = known(table) else { return Ok(None) };
        let columns = self.transaction.columns(name).await?;
        if columns.is_empty() {
            return Ok(None);
        }
        if let EngineTransaction::Postgres(_) = &self.transaction.engine {
            let order = if name == EVENTS { " ORDER BY sequence" } else { "" };
            let list = list_of(&columns);
            let declare =
                format!("DECLARE {CURSOR} NO SCROLL CURSOR FOR SELECT {list} FROM {name}{order}");
            on_transaction!(self.transaction, |connection| {
                sqlx::query("CLOSE ALL").execute(&mut *connection).await?;
                sqlx::query(AssertSqlSafe(declare)).execute(connection).await?;
                Ok(())
            })?;
        }
        Ok(Some(OpenTable { name, columns, after: i64::MIN }))
    }

    /// Returns the next rows of a table; empty at its end. Only the table that was opened last can
    /// be read.
    pub async fn page(&mut self, table: &mut OpenTable) -> Result<Vec<Row>, StoreError> {
        let Transaction { engine, timeout, .. } = &mut self.transaction;
        let page = async {
            match engine {
                EngineTransaction::Postgres(transaction) => {
                    let sql = format!("FETCH {PAGE_SIZE} FROM {CURSOR}");
                    // Columns differ between tables, so the prepared statement is not cached.
                    let fetch = sqlx::query(AssertSqlSafe(sql)).persistent(false);
                    let rows = fetch.fetch_all(&mut **transaction).await?;
                    Ok(rows
                        .iter()
                        .map(|row| values(row, &table.columns))
                        .collect::<Result<_, _>>()?)
                }
                EngineTransaction::Sqlite(transaction) => {
                    let OpenTable { name, columns, after } = table;
                    // Read in file order, so that each page of the file is read once.
                    let order = if *name == EVENTS { "sequence" } else { "rowid" };
                    let sql = format!(
                        "SELECT {}, {order} AS place_in_order FROM {name} \
                         WHERE {order} > $1 ORDER BY {order} LIMIT {PAGE_SIZE}",
                        list_of(columns)
                    );
                    let query = sqlx::query(AssertSqlSafe(sql)).bind(*after);
                    let rows = query.fetch_all(&mut **transaction).await?;
                    if let Some(last) = rows.last() {
                        *after = sqlx::Row::try_get(last, columns.len())?;
                    }
                    Ok(rows.iter().map(|row| values(row, columns)).collect::<Result<_, _>>()?)
                }
            }
        };
        with_timeout(*timeout, page).await
    }

    /// Ends the transaction and closes its connection.
    pub async fn close(self) {
        let Self { transaction, store } = self;
        drop(transaction);
        store.close().await;
    }
}

fn values<'r, R>(row: &'r R, columns: &[Column]) -> Result<Row, sqlx::Error>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<bool>: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    let value = |(place, column): (usize, &Column)| {
        Ok(match column.kind {
            ColumnKind::Text => row.try_get::<Option<String>, _>(place)?.into(),
            ColumnKind::Number => row.try_get::<Option<i64>, _>(place)?.into(),
            ColumnKind::Flag => row.try_get::<Option<bool>, _>(place)?.into(),
        })
    };
    columns.iter().enumerate().map(value).collect()
}
