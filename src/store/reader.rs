//! Where rows are read from: the database as others see it, or the transaction of a change, which
//! sees what the change has written so far.

use futures_util::TryStreamExt;
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::store::statement::{Statement, prepared};
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError, on_pool};

/// A place to read from. Its methods are in the files of what they read.
pub struct Reader<'a>(Source<'a>);

enum Source<'a> {
    Store(&'a Store),
    Change(&'a mut WriteTransaction),
}

impl Store {
    /// Reads what has been committed.
    pub fn read(&self) -> Reader<'_> {
        Reader(Source::Store(self))
    }
}

impl WriteTransaction {
    /// Reads inside the transaction. A change reads here alone: through the store it does not see
    /// its own writes.
    pub fn read(&mut self) -> Reader<'_> {
        Reader(Source::Change(self))
    }
}

/// A row of either engine.
enum AnyRow<'r> {
    Postgres(&'r PgRow),
    Sqlite(&'r SqliteRow),
}

impl<'r> From<&'r PgRow> for AnyRow<'r> {
    fn from(row: &'r PgRow) -> Self {
        Self::Postgres(row)
    }
}

impl<'r> From<&'r SqliteRow> for AnyRow<'r> {
    fn from(row: &'r SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

/// Takes a row.
type Decoder<'a> = dyn FnMut(AnyRow<'_>) -> Result<(), sqlx::Error> + Send + 'a;

impl Reader<'_> {
    /// The rows that a statement selects.
    pub(super) async fn rows<T>(&mut self, statement: &Statement) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send,
    {
        let mut found = Vec::new();
        let mut decode = |row: AnyRow<'_>| {
            found.push(match row {
                AnyRow::Postgres(row) => T::from_row(row)?,
                AnyRow::Sqlite(row) => T::from_row(row)?,
            });
            Ok(())
        };
        self.each_row(statement, &mut decode).await?;
        Ok(found)
    }

    /// Reads row by row. The rest of a query does not depend on what a row becomes, and is compiled
    /// once.
    async fn each_row(
        &mut self,
        statement: &Statement,
        decode: &mut Decoder<'_>,
    ) -> Result<(), StoreError> {
        match &mut self.0 {
            Source::Store(store) => on_pool!(store, |pool| {
                let mut rows = prepared!(sqlx::query, statement, pool).fetch(pool);
                while let Some(row) = rows.try_next().await? {
                    decode((&row).into())?;
                }
                Ok(())
            }),
            Source::Change(change) => on_write!(change, |connection| {
                let mut rows = prepared!(sqlx::query, statement, connection).fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    decode((&row).into())?;
                }
                Ok(())
            }),
        }
    }
}

impl Store {
    /// The one number that a statement reads.
    pub(super) async fn number(&self, statement: &Statement) -> Result<i64, StoreError> {
        on_pool!(self, |pool| {
            Ok(prepared!(sqlx::query_scalar, statement, pool).fetch_one(pool).await?)
        })
    }
}
