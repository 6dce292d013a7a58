//! Loads the rows of a backup into an empty database: all of them, or none.

use std::time::Duration;

use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::model::Malformed;
use crate::model::backup::{Column, ColumnKind, Row};
use crate::store::backup::{SAVED, known, list_of};
use crate::store::schema::SchemaError;
use crate::store::statement::SqlValue;
use crate::store::transaction::{EngineTransaction, Transaction, on_transaction};
use crate::store::write_transaction::WriteTransaction;
use crate::store::{Pool, Store, StoreError, schema, with_timeout};

/// The maximum number of bound values per statement. SQLite allows 32,766.
const MAX_VALUES: usize = 30_000;

/// The timeout of one statement. It is long because COMMIT writes everything to disk.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(10);

/// Why rows cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadingError {
    /// The database already has a schema.
    #[error("the database is not empty: it has schema {schema}")]
    NotEmpty {
        /// The version of the schema.
        schema: i64,
    },
    /// The schema cannot be created.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A transaction that creates a schema and loads its rows. If it is dropped or its process is
/// killed, the database stays empty.
pub struct Loading {
    transaction: Transaction,
    store: Store,
    /// The table that is being loaded, and its columns.
    table: Option<(&'static str, Vec<Column>)>,
}

impl Store {
    /// Creates the schema of version `schema` in an empty database, without rows.
    ///
    /// # Errors
    /// [`LoadingError::NotEmpty`], [`StoreError::InUse`] if an instance or another restore uses the
    /// database, and errors of the database.
    pub async fn begin_loading(&self, schema: i64) -> Result<Loading, LoadingError> {
        let begin = async {
            Ok(match &self.pool {
                Pool::Postgres(pool) => EngineTransaction::Postgres(pool.begin().await?),
                Pool::Sqlite(pool) => {
                    EngineTransaction::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)
                }
            })
        };
        let engine = with_timeout(self.timeout, begin).await?;
        let metrics = self.metrics.clone();
        let mut transaction = Transaction { engine, timeout: STATEMENT_TIMEOUT, metrics };
        transaction.require_no_instance().await?;
        match transaction.schema().await? {
            0 => {}
            schema => return Err(LoadingError::NotEmpty { schema }),
        }
        transaction.migrate_to(schema).await?;
        for table in SAVED.into_iter().rev() {
            if !transaction.columns(table).await?.is_empty() {
                // The backup also contains the rows that migrations create.
                let sql = format!("DELETE FROM {table}");
                on_transaction!(transaction, |connection| {
                    sqlx::query(AssertSqlSafe(sql)).execute(connection).await?;
                    Ok(())
                })?;
            }
        }
        Ok(Loading { transaction, store: self.clone(), table: None })
    }
}

impl Loading {
    /// Starts to load a table with these columns.
    ///
    /// # Errors
    /// If the table is unknown, or the schema has other columns.
    pub async fn open(&mut self, table: &str, columns: &[Column]) -> Result<(), StoreError> {
        let name = known(table)
            .ok_or_else(|| Malformed::because(format!("a backup has no table {table:?}")))?;
        let found = self.transaction.columns(name).await?;
        // The order may differ: migrations append columns, and a restored database keeps the order
        // of its backup.
        let is_same = found.len() == columns.len() && columns.iter().all(|it| found.contains(it));
        if !is_same {
            let problem = format!("the columns of {table} are not those of its schema");
            return Err(Malformed::because(problem).into());
        }
        self.table = Some((name, columns.to_vec()));
        Ok(())
    }

    /// Loads rows into the table that was opened last.
    ///
    /// # Errors
    /// If a row does not match the columns, or the database fails.
    pub async fn load(&mut self, rows: Vec<Row>) -> Result<(), StoreError> {
        let Self { table: Some((table, columns)), transaction, .. } = self else {
            return Err(Malformed::because("a row without a table").into());
        };
        let per_statement = (MAX_VALUES / columns.len().max(1)).max(1);
        for rows in rows.chunks(per_statement) {
            let mut values = Vec::with_capacity(rows.len() * columns.len());
            for row in rows {
                if row.len() != columns.len() {
                    let problem = format!("a row of {table} has {} values", row.len());
                    return Err(Malformed::because(problem).into());
                }
                for (value, column) in row.iter().zip(columns.iter()) {
                    values.push(bound(value, column)?);
                }
            }
            let sql = insertion(table, columns, rows.len());
            on_transaction!(transaction, |connection| {
                let query = sqlx::query(AssertSqlSafe(sql));
                let query = values.iter().fold(query, |query, value| match value {
                    SqlValue::Text(text) => query.bind(text.as_deref()),
                    SqlValue::Number(number) => query.bind(*number),
                    SqlValue::Flag(flag) => query.bind(*flag),
                });
                query.execute(connection).await?;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Migrates the schema, with all loaded rows, to the newest version.
    pub async fn migrate(&mut self) -> Result<(), SchemaError> {
        self.transaction.migrate_to(schema::NEWEST).await
    }

    /// Turns the transaction into a change, whose writes are committed together with the loaded
    /// rows.
    pub async fn into_change(self) -> Result<WriteTransaction, StoreError> {
        let alone = self.store.changing.clone().lock_owned().await;
        WriteTransaction::with_transaction(self.transaction, alone).await
    }

    /// Commits the schema and all loaded rows.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`] if the database does not confirm the commit.
    pub async fn commit(self) -> Result<(), StoreError> {
        let committed = self.transaction.commit().await;
        committed.map_err(|cause| StoreError::OutcomeUnknown(Box::new(cause)))
    }
}

/// Builds a statement that inserts `rows` rows. The names come from the catalog of the database.
fn insertion(table: &str, columns: &[Column], rows: usize) -> String {
    let mut sql = format!("INSERT INTO {table} ({}) VALUES ", list_of(columns));
    let mut number = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for place in 0..columns.len() {
            number += 1;
            sql.push_str(if place == 0 { "$" } else { ", $" });
            sql.push_str(&number.to_string());
        }
        sql.push(')');
    }
    sql
}

/// Converts a value to the type of its column.
fn bound(value: &Value, column: &Column) -> Result<SqlValue, StoreError> {
    let Column { name, kind } = column;
    let value = match (kind, value) {
        (ColumnKind::Text, Value::Null) => Some(SqlValue::Text(None)),
        (ColumnKind::Text, Value::String(text)) => Some(SqlValue::Text(Some(text.clone()))),
        (ColumnKind::Number, Value::Null) => Some(SqlValue::Number(None)),
        (ColumnKind::Number, Value::Number(number)) => {
            number.as_i64().map(|number| SqlValue::Number(Some(number)))
        }
        // Flags are never null.
        (ColumnKind::Flag, Value::Bool(flag)) => Some(SqlValue::Flag(*flag)),
        _ => None,
    };
    value.ok_or_else(|| Malformed::because(format!("a value of {name} has another type")).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(name: &str, kind: ColumnKind) -> Column {
        Column { name: name.to_owned(), kind }
    }

    #[test]
    fn values_are_numbered_row_by_row() {
        let columns = [column("a", ColumnKind::Text), column("b", ColumnKind::Number)];
        let sql = "INSERT INTO pet (a, b) VALUES ($1, $2), ($3, $4)";
        assert_eq!(insertion("pet", &columns, 2), sql);
    }

    #[test]
    fn a_value_of_another_type_is_rejected() {
        let number = column("n", ColumnKind::Number);
        assert_eq!(bound(&json!(7), &number).expect("a value"), 7.into());
        for wrong in [json!("7"), json!(7.5), json!(true), json!([])] {
            assert!(bound(&wrong, &number).is_err(), "{wrong}");
        }
        assert!(bound(&json!(null), &column("f", ColumnKind::Flag)).is_err());
        assert!(bound(&json!(1), &column("f", ColumnKind::Flag)).is_err());
    }
}
