//! The column `client.active_at`, by which lists find unused clients. It is a lower bound of the
//! last use, updated at most once a day per client. Lists read the exact use only for clients whose
//! `active_at` is old enough.

use crate::model::usage::{Usage, Used};
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// The maximum lag of `active_at` behind the last use, in seconds.
const MAX_LAG_SECONDS: i64 = 24 * 60 * 60;

/// The number of uses that one statement compares.
const BATCH_SIZE: usize = 500;

/// The maximum number of clients to update per flush of usage statistics. The remaining clients are
/// updated after a later use.
const MAX_WRITTEN: usize = 5_000;

named_row! {
    struct ActivityRow {
        client_id: String,
        active_at: i64,
    }
}

impl Store {
    /// Updates `active_at` of the clients whose last use is more than a day newer.
    ///
    /// Takes the lock of changes, so that it never waits for a row while it holds another one.
    pub async fn note_activity(&self, uses: &[(Used<'_>, Usage)]) -> Result<(), StoreError> {
        let mut outdated = Vec::new();
        for some in uses.chunks(BATCH_SIZE) {
            let (mut of_secrets, mut of_clients) = (Vec::new(), Vec::new());
            for (used, usage) in some {
                match used {
                    Used::Secret(id) => of_secrets.push((id.as_str(), usage.last_used_at.0)),
                    Used::Other(id) => of_clients.push((id.as_str(), usage.last_used_at.0)),
                }
            }
            outdated.extend(self.outdated(OF_SECRETS, &of_secrets).await?);
            outdated.extend(self.outdated(OF_CLIENTS, &of_clients).await?);
            if outdated.len() >= MAX_WRITTEN {
                outdated.truncate(MAX_WRITTEN);
                break;
            }
        }
        if outdated.is_empty() {
            return Ok(());
        }
        let mut change = self.begin().await?;
        let mut statement = Statement::default();
        statement.push("UPDATE client SET active_at = u.column2 FROM ");
        let rows = outdated.iter().map(|row| (row.client_id.as_str(), row.active_at));
        push_values(&mut statement, rows);
        statement.push(" WHERE client.client_id = u.column1 AND client.active_at < u.column2");
        change.transaction.run(&statement).await?;
        // This is not an event, so followers need no notification.
        change.transaction.commit().await
    }

    async fn outdated(
        &self,
        joined: &'static str,
        uses: &[(&str, i64)],
    ) -> Result<Vec<ActivityRow>, StoreError> {
        if uses.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::default();
        statement.push("SELECT c.client_id, MAX(u.column2) AS active_at FROM ");
        push_values(&mut statement, uses.iter().copied());
        statement.push(joined).push_with(
            " AND c.active_at < u.column2 - ? GROUP BY c.client_id",
            [MAX_LAG_SECONDS.into()],
        );
        self.read().rows(&statement).await
    }
}

/// The joins of secrets with their clients, and of clients. Cross joins fix the order of the
/// tables.
const OF_SECRETS: &str = " CROSS JOIN client_secret s CROSS JOIN client c
    WHERE s.secret_id = u.column1 AND c.client_id = s.client_id";
const OF_CLIENTS: &str = " CROSS JOIN client c WHERE c.client_id = u.column1";

/// Appends rows of an id and a time as the derived table `u`.
fn push_values<'a>(statement: &mut Statement, rows: impl Iterator<Item = (&'a str, i64)>) {
    statement.push("(VALUES ");
    for (place, (id, time)) in rows.enumerate() {
        statement.push(if place == 0 { "" } else { ", " });
        statement.push_with("(?, ?)", [id.into(), time.into()]);
    }
    statement.push(") AS u");
}
