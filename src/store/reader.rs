//! Where rows are read from: the database as others see it, or the transaction of a change, which
//! sees what the change has written so far.

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

impl Reader<'_> {
    /// The rows that a statement selects.
    pub(super) async fn rows<T>(&mut self, statement: &Statement) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        match &mut self.0 {
            Source::Store(store) => on_pool!(store, |pool| {
                Ok(prepared!(sqlx::query_as, statement).fetch_all(pool).await?)
            }),
            Source::Change(change) => on_write!(change, |connection| {
                Ok(prepared!(sqlx::query_as, statement).fetch_all(connection).await?)
            }),
        }
    }
}

impl Store {
    /// The one number that a statement reads.
    pub(super) async fn number(&self, statement: &Statement) -> Result<i64, StoreError> {
        on_pool!(self, |pool| {
            Ok(prepared!(sqlx::query_scalar, statement).fetch_one(pool).await?)
        })
    }
}
