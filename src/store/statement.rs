//! Statements that are built at runtime. Their text consists only of literals; values are always
//! bound.

use sqlx::{PgConnection, PgPool, SqliteConnection, SqlitePool};

use crate::model::time::Timestamp;

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SqlValue {
    Text(Option<String>),
    Number(Option<i64>),
    Flag(bool),
}

impl From<&str> for SqlValue {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for SqlValue {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for SqlValue {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for SqlValue {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for SqlValue {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for SqlValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Timestamp> for SqlValue {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

/// The text of a statement with the values for its placeholders.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    text: String,
    values: Vec<SqlValue>,
}

impl Statement {
    /// Returns the text with `?` for each value, the syntax of SQLite.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text with `$1`, `$2`, … for the values, the syntax of Postgres.
    fn numbered_text(&self) -> String {
        let mut pieces = self.text.split('?');
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for (place, piece) in pieces.enumerate() {
            text.push_str(&format!("${}{piece}", place + 1));
        }
        text
    }

    pub(super) fn values(&self) -> &[SqlValue] {
        &self.values
    }

    /// Appends text without values.
    pub(super) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends text in which each `?` is the placeholder of the next value.
    pub(super) fn push_with<const COUNT: usize>(
        &mut self,
        text: &'static str,
        values: [SqlValue; COUNT],
    ) -> &mut Self {
        self.text.push_str(text);
        self.values.extend(values);
        self
    }

    /// Appends a list of values in parentheses. `IN` with an empty list matches no row.
    pub(super) fn push_list(
        &mut self,
        values: impl Iterator<Item = impl Into<SqlValue>>,
    ) -> &mut Self {
        self.text.push('(');
        let count_before = self.values.len();
        for (place, value) in values.enumerate() {
            self.push_with(if place == 0 { "?" } else { ", ?" }, [value.into()]);
        }
        if self.values.len() == count_before {
            // An empty list is invalid SQL, and no value is equal to NULL.
            self.push("NULL");
        }
        self.text.push(')');
        self
    }
}

/// A connection or pool that runs statements of one engine.
pub(super) trait Executor {
    /// Returns the text of a statement for this engine.
    fn text_of(&self, statement: &Statement) -> String;
}

macro_rules! executor {
    ($($type:ty => $text:expr;)*) => {$(
        impl Executor for $type {
            fn text_of(&self, statement: &Statement) -> String {
                $text(statement)
            }
        }
    )*};
}

// SQLite looks up the name of each numbered placeholder in a linear list: a thousand values would
// take a million steps. Plain `?` placeholders avoid this list.
executor! {
    PgConnection => Statement::numbered_text;
    PgPool => Statement::numbered_text;
    SqliteConnection => |statement: &Statement| statement.text.clone();
    SqlitePool => |statement: &Statement| statement.text.clone();
}

/// Builds a query from a [`Statement`] for an [`Executor`], using the given function of sqlx.
macro_rules! prepared {
    ($function:path, $statement:expr, $executor:expr) => {
        $statement.values().iter().fold(
            $function(sqlx::AssertSqlSafe($crate::store::statement::Executor::text_of(
                &*$executor,
                &$statement,
            ))),
            |query, value| match value {
                $crate::store::statement::SqlValue::Text(text) => query.bind(text.as_deref()),
                $crate::store::statement::SqlValue::Number(number) => query.bind(*number),
                $crate::store::statement::SqlValue::Flag(flag) => query.bind(*flag),
            },
        )
    };
}
pub(super) use prepared;

#[cfg(test)]
mod tests {
    use super::*;

    /// SECURITY 27: values are bound.
    #[test]
    fn values_are_numbered_and_never_enter_the_text() {
        let mut statement = Statement::default();
        statement
            .push("SELECT 1 WHERE ")
            .push_with("a = ? AND b > ?", ["x' OR 1".into(), 5.into()]);
        statement.push(" AND c IN ").push_list(["p", "q"].into_iter());
        assert_eq!(statement.text(), "SELECT 1 WHERE a = ? AND b > ? AND c IN (?, ?)");
        let text = "SELECT 1 WHERE a = $1 AND b > $2 AND c IN ($3, $4)";
        assert_eq!(statement.numbered_text(), text);
        assert_eq!(statement.values()[0], SqlValue::from("x' OR 1"));
        assert_eq!(statement.values().len(), 4);
    }

    #[test]
    fn an_empty_list_matches_nothing() {
        let mut statement = Statement::default();
        statement.push("SELECT 1 WHERE a IN ").push_list(std::iter::empty::<&str>());
        assert_eq!(statement.text(), "SELECT 1 WHERE a IN (NULL)");
        assert!(statement.values().is_empty());
    }
}
