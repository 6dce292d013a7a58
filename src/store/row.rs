//! Rows that are mapped by column name. Each table has one list of columns for reading, inserting
//! and updating, so none of these statements can miss a new column.

use crate::store::statement::{SqlValue, Statement, prepared};
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{StoreError, map_constraint};

/// A row of a table, implemented by [`table_row!`].
pub(super) trait TableRow {
    /// The name of the table.
    const TABLE: &'static str;
    /// The names of the columns, in the order of the fields. The first one is the primary key, or
    /// its first part.
    const COLUMNS: &'static [&'static str];
    /// `SELECT`, all columns, `FROM` and the table. The caller appends a condition.
    const SELECT: &'static str;

    /// Converts the row to the values of its columns, in the order of [`Self::COLUMNS`].
    fn into_values(self) -> Vec<SqlValue>;
}

/// Declares a struct whose fields are read from the columns of the same names. Field types are
/// `String`, `i64`, `bool`, and `Option` of the first two.
macro_rules! named_row {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $row:ident { $($column:ident: $type:ty),+ $(,)? }
    ) => {
        $(#[$attribute])*
        #[derive(Debug)]
        $visibility struct $row {
            $($visibility $column: $type,)+
        }

        impl<'r, R> sqlx::FromRow<'r, R> for $row
        where
            R: sqlx::Row,
            for<'name> &'name str: sqlx::ColumnIndex<R>,
            $($type: sqlx::Decode<'r, <R as sqlx::Row>::Database>
                + sqlx::Type<<R as sqlx::Row>::Database>,)+
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($column: sqlx::Row::try_get(row, stringify!($column))?,)+ })
            }
        }
    };
}
pub(super) use named_row;

/// Declares the row of a table: like [`named_row!`], with the statements that read and write the
/// table. The first field may be a nested row of the first columns, which can also be read alone.
macro_rules! table_row {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $row:ident in $table:literal {
            $(#[$part_attribute:meta])*
            $part:ident: struct $part_row:ident {
                $key:ident: $key_type:ty $(, $part_column:ident: $part_type:ty)* $(,)?
            },
            $($column:ident: $type:ty),+ $(,)?
        }
    ) => {
        $crate::store::row::table_row! {
            $(#[$part_attribute])*
            $visibility struct $part_row in $table {
                $key: $key_type $(, $part_column: $part_type)*
            }
        }

        $(#[$attribute])*
        #[derive(Debug)]
        $visibility struct $row {
            $visibility $part: $part_row,
            $($visibility $column: $type,)+
        }

        impl<'r, R> sqlx::FromRow<'r, R> for $row
        where
            R: sqlx::Row,
            for<'name> &'name str: sqlx::ColumnIndex<R>,
            $part_row: sqlx::FromRow<'r, R>,
            $($type: sqlx::Decode<'r, <R as sqlx::Row>::Database>
                + sqlx::Type<<R as sqlx::Row>::Database>,)+
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self {
                    $part: sqlx::FromRow::from_row(row)?,
                    $($column: sqlx::Row::try_get(row, stringify!($column))?,)+
                })
            }
        }

        impl $crate::store::row::TableRow for $row {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] = &[
                stringify!($key),
                $(stringify!($part_column),)*
                $(stringify!($column),)+
            ];
            const SELECT: &'static str = concat!(
                "SELECT ", stringify!($key), $(", ", stringify!($part_column),)*
                $(", ", stringify!($column),)+ " FROM ", $table, " "
            );

            fn into_values(self) -> Vec<$crate::store::statement::SqlValue> {
                let mut values = $crate::store::row::TableRow::into_values(self.$part);
                $(values.push(self.$column.into());)+
                values
            }
        }
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $row:ident in $table:literal {
            $key:ident: $key_type:ty $(, $column:ident: $type:ty)* $(,)?
        }
    ) => {
        $crate::store::row::named_row! {
            $(#[$attribute])*
            $visibility struct $row { $key: $key_type $(, $column: $type)* }
        }

        impl $crate::store::row::TableRow for $row {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] =
                &[stringify!($key) $(, stringify!($column))*];
            const SELECT: &'static str = concat!(
                "SELECT ", stringify!($key), $(", ", stringify!($column),)* " FROM ", $table, " "
            );

            fn into_values(self) -> Vec<$crate::store::statement::SqlValue> {
                vec![self.$key.into() $(, self.$column.into())*]
            }
        }
    };
}
pub(super) use table_row;

/// Decodes rows, and logs and omits those that cannot be decoded, so that they do not hide the
/// others. For callers that treat such a row as missing.
pub(super) fn readable<R, T>(
    what: &'static str,
    rows: Vec<R>,
    decode: impl Fn(R) -> Result<T, StoreError>,
) -> Vec<T> {
    let decoded = rows.into_iter().map(decode);
    let readable = decoded.filter_map(|row| match row {
        Ok(row) => Some(row),
        Err(problem) => {
            tracing::error!(row = what, %problem, "a stored row cannot be read and is left out");
            None
        }
    });
    readable.collect()
}

impl WriteTransaction {
    /// Inserts a row. A violated constraint becomes a conflict with the row named `unique`, or a
    /// missing row named `referred`.
    pub(super) async fn insert<T: TableRow>(
        &mut self,
        row: T,
        unique: &'static str,
        referred: &'static str,
    ) -> Result<(), StoreError> {
        self.execute_insertion(insertion([row]), unique, referred).await
    }

    /// Inserts or replaces a row: see [`upsertion`]. Errors are those of [`Self::insert`].
    pub(super) async fn upsert<T: TableRow>(
        &mut self,
        row: T,
        key: usize,
        unique: &'static str,
        referred: &'static str,
    ) -> Result<(), StoreError> {
        self.execute_insertion(upsertion(row, key), unique, referred).await
    }

    async fn execute_insertion(
        &mut self,
        statement: Statement,
        unique: &'static str,
        referred: &'static str,
    ) -> Result<(), StoreError> {
        on_write!(self, |connection| {
            let done = prepared!(sqlx::query, statement, connection).execute(connection).await;
            done.map_err(|error| map_constraint(error, unique, referred))?;
            Ok(())
        })
    }

    /// Replaces the row with the same first column. Returns `false` if it does not exist.
    pub(super) async fn update<T: TableRow>(&mut self, row: T) -> Result<bool, StoreError> {
        Ok(self.transaction.run(&replacement(row)).await? > 0)
    }
}

/// Builds the statement that inserts rows. The caller may append a clause for conflicts.
pub(super) fn insertion<T: TableRow>(rows: impl IntoIterator<Item = T>) -> Statement {
    let mut statement = insertion_into(T::TABLE, T::COLUMNS);
    for (place, row) in rows.into_iter().enumerate() {
        statement.push(if place == 0 { "" } else { ", " });
        statement.push_list(row.into_values().into_iter());
    }
    statement
}

/// Builds the statement that inserts a row, or replaces the row with the same first `key` columns.
/// Columns of the table that are not in `T` keep their values.
pub(super) fn upsertion<T: TableRow>(row: T, key: usize) -> Statement {
    let mut statement = insertion([row]);
    for (place, column) in T::COLUMNS.iter().take(key).enumerate() {
        statement.push(if place == 0 { " ON CONFLICT (" } else { ", " }).push(column);
    }
    for (place, column) in T::COLUMNS.iter().skip(key).enumerate() {
        statement.push(if place == 0 { ") DO UPDATE SET " } else { ", " }).push(column);
        statement.push(" = excluded.").push(column);
    }
    statement
}

fn insertion_into(table: &'static str, columns: &'static [&'static str]) -> Statement {
    let mut statement = Statement::default();
    statement.push("INSERT INTO ").push(table).push(" (");
    for (place, column) in columns.iter().enumerate() {
        statement.push(if place == 0 { "" } else { ", " }).push(column);
    }
    statement.push(") VALUES ");
    statement
}

fn replacement<T: TableRow>(row: T) -> Statement {
    replacement_in(T::TABLE, T::COLUMNS, row.into_values())
}

fn replacement_in(
    table: &'static str,
    columns: &'static [&'static str],
    values: Vec<SqlValue>,
) -> Statement {
    let mut statement = Statement::default();
    statement.push("UPDATE ").push(table).push(" SET ");
    let mut columns = columns.iter().zip(values);
    let key = columns.next();
    for (place, (column, value)) in columns.enumerate() {
        statement.push(if place == 0 { "" } else { ", " }).push(column).push_with(" = ?", [value]);
    }
    if let Some((column, value)) = key {
        statement.push(" WHERE ").push(column).push_with(" = ?", [value]);
    }
    statement
}

#[cfg(test)]
mod tests {
    use super::*;

    table_row! {
        struct PetRow in "pet" { name: String, owner: Option<String>, age: i64, is_tame: bool }
    }

    table_row! {
        struct HouseRow in "house" {
            place: struct PlaceRow { street: String, number: i64 },
            name: Option<String>,
        }
    }

    fn pet() -> PetRow {
        PetRow { name: "x' OR 1".to_owned(), owner: None, age: 7, is_tame: true }
    }

    #[test]
    fn one_list_of_columns_makes_every_statement() {
        assert_eq!(PetRow::SELECT, "SELECT name, owner, age, is_tame FROM pet ");
        let insert = insertion([pet(), pet()]);
        let text = "INSERT INTO pet (name, owner, age, is_tame) VALUES (?, ?, ?, ?), (?, ?, ?, ?)";
        assert_eq!(insert.text(), text);
        let values: [SqlValue; 4] =
            ["x' OR 1".into(), None::<String>.into(), 7.into(), true.into()];
        assert_eq!(insert.values(), [values.clone(), values].concat());
        let update = replacement(pet());
        let text = "UPDATE pet SET owner = ?, age = ?, is_tame = ? WHERE name = ?";
        assert_eq!(update.text(), text);
        assert_eq!(update.values().last(), Some(&"x' OR 1".into()));
        let upsert = upsertion(pet(), 2);
        let text = "INSERT INTO pet (name, owner, age, is_tame) VALUES (?, ?, ?, ?) \
            ON CONFLICT (name, owner) DO UPDATE SET age = excluded.age, is_tame = excluded.is_tame";
        assert_eq!(upsert.text(), text);
    }

    #[test]
    fn the_first_columns_of_a_row_can_be_read_alone() {
        assert_eq!(PlaceRow::SELECT, "SELECT street, number FROM house ");
        assert_eq!(HouseRow::SELECT, "SELECT street, number, name FROM house ");
        let place = PlaceRow { street: "High Street".to_owned(), number: 7 };
        let insert = insertion([HouseRow { place, name: None }]);
        assert_eq!(insert.text(), "INSERT INTO house (street, number, name) VALUES (?, ?, ?)");
        assert_eq!(insert.values(), ["High Street".into(), 7.into(), None::<String>.into()]);
    }

    #[tokio::test]
    async fn a_row_is_read_by_the_names_of_its_columns() {
        let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.expect("a database");
        let read = |sql: &'static str| sqlx::query_as::<_, PetRow>(sql).fetch_one(&pool);
        let pet = read("SELECT TRUE AS is_tame, 7 AS age, NULL AS owner, 'Rex' AS name").await;
        let pet = pet.expect("a row");
        assert_eq!((pet.name.as_str(), pet.owner, pet.age, pet.is_tame), ("Rex", None, 7, true));
        let problem = read("SELECT TRUE AS is_tame, 7 AS age, 'Rex' AS name").await;
        assert!(problem.expect_err("a column is missing").to_string().contains("owner"));
    }
}
