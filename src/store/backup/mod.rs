//! Saves and loads the rows of a backup: reading uses one consistent snapshot, and loading one
//! transaction that leaves all rows or none.
//!
//! Columns are read from the database, so a new column is never forgotten. Tables are listed here.
//! A test checks that each table of the schema is in one of the two lists.

pub mod loading;
pub mod reading;

use crate::model::Malformed;
use crate::model::backup::{Column, ColumnKind};
use crate::store::StoreError;
use crate::store::transaction::{EngineTransaction, Transaction, on_transaction};

/// The tables in a backup. A table comes after the tables that it references.
pub const SAVED: [&str; 24] = [
    // These come before the events, because an event log starts at a checkpoint.
    "audit_key",
    "audit_checkpoint",
    EVENTS,
    "event_head",
    "sealed_key",
    "signing_key",
    "server_issuer",
    "longest_lifetime",
    "owner_policy",
    "resource",
    "resource_scope",
    "client",
    "client_label",
    "client_secret",
    "client_grant",
    "client_trust",
    "client_spiffe_trust",
    "grant_request",
    "secret_use",
    "client_use",
    "revoked_token",
    "revoked_client",
    "used_assertion",
    "notification_cursor",
];

/// The tables that a backup omits: their rows describe running instances or are short-lived.
#[cfg(test)]
const LEFT_OUT: [&str; 10] = [
    // Maintained by triggers.
    "client_search",
    "console_link",
    "console_session",
    "idempotency_key",
    "key_set_reader",
    "lease",
    "refusal",
    "usage_heartbeat",
    "wanted_algorithm",
    "_sqlx_migrations",
];

/// The table of events, which are read and loaded in their sequence.
pub const EVENTS: &str = "event";

/// Returns the name of a saved table as a static string; `None` for any other name.
fn known(table: &str) -> Option<&'static str> {
    SAVED.into_iter().find(|known| *known == table)
}

impl Transaction {
    /// Returns the columns of a table, in order; empty if the table does not exist.
    async fn columns(&mut self, table: &str) -> Result<Vec<Column>, StoreError> {
        const POSTGRES: &str = "
            SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT)
            FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name = $1
            ORDER BY ordinal_position";
        const SQLITE: &str = "SELECT name, lower(type) FROM pragma_table_info($1) ORDER BY cid";
        let sql = match self.engine {
            EngineTransaction::Postgres(_) => POSTGRES,
            EngineTransaction::Sqlite(_) => SQLITE,
        };
        let found: Vec<(String, String)> = on_transaction!(self, |connection| {
            Ok(sqlx::query_as(sql).bind(table).fetch_all(connection).await?)
        })?;
        let column = |(name, kind): (String, String)| {
            let kind = match kind.as_str() {
                "text" => ColumnKind::Text,
                "bigint" => ColumnKind::Number,
                "boolean" => ColumnKind::Flag,
                _ => return Err(Malformed::because(format!("{table}.{name} has type {kind}"))),
            };
            Ok(Column { name, kind })
        };
        Ok(found.into_iter().map(column).collect::<Result<_, _>>()?)
    }
}

/// Joins column names for SQL. The names come from the catalog of the database.
fn list_of(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::{Engine, schema};

    /// A new table must be saved, or be omitted on purpose.
    #[test]
    fn each_table_of_the_schema_is_saved_or_left_out() {
        let made: BTreeSet<&str> = Engine::ALL
            .into_iter()
            .flat_map(schema::scripts)
            .flat_map(|sql| sql.split("CREATE TABLE ").skip(1))
            .filter_map(|rest| rest.split_whitespace().next())
            .collect();
        let listed: BTreeSet<&str> =
            SAVED.into_iter().chain(LEFT_OUT).filter(|name| !name.starts_with('_')).collect();
        assert_eq!(made, listed);
    }

    #[test]
    fn a_table_follows_those_that_it_refers_to() {
        for sql in Engine::ALL.into_iter().flat_map(schema::scripts) {
            for table in sql.split("CREATE TABLE ").skip(1) {
                let name = table.split_whitespace().next().expect("a name");
                let body = table.split(");\n").next().expect("a body");
                for target in body.split("REFERENCES ").skip(1) {
                    let target = target.split_whitespace().next().expect("a table");
                    let place = |name| SAVED.iter().position(|table| *table == name);
                    if let Some(own) = place(name) {
                        assert!(place(target).is_some_and(|it| it < own), "{name}: {target}");
                    }
                }
            }
        }
    }
}
