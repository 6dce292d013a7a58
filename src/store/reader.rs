//! Reads rows from the committed state of the database, or inside the transaction of a change,
//! which sees its own writes.

use futures_util::TryStreamExt;
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::store::statement::{Statement, prepared};
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError, on_pool};

/// A source of rows. The methods are in the files of the tables that they read.
pub struct Reader<'a>(Source<'a>);

enum Source<'a> {
    Store(&'a Store),
    Change(&'a mut WriteTransaction),
}

impl Store {
    /// Reads the committed state.
    pub fn read(&self) -> Reader<'_> {
        Reader(Source::Store(self))
    }
}

impl WriteTransaction {
    /// Reads inside the transaction. A change must read only here, because reads through the store
    /// do not see its writes.
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

/// Decodes and collects one row.
type Decoder<'a> = dyn FnMut(AnyRow<'_>) -> Result<(), sqlx::Error> + Send + 'a;

impl Reader<'_> {
    /// Returns the rows that a statement selects.
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

    /// Reads row by row. This function does not depend on the row type, so it is compiled only
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
    /// Returns the single number that a statement selects.
    pub(super) async fn number(&self, statement: &Statement) -> Result<i64, StoreError> {
        on_pool!(self, |pool| {
            Ok(prepared!(sqlx::query_scalar, statement, pool).fetch_one(pool).await?)
        })
    }
}
