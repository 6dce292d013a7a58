//! The ledger in the database: the use of secrets, and of what clients have besides. Writing it is
//! no change: nobody follows it, and it waits for none.

use sqlx::QueryBuilder;

use crate::model::Malformed;
use crate::model::time::Timestamp;
use crate::model::usage::{Usage, Used};
use crate::store::transaction::{Transaction, on_transaction};
use crate::store::{Store, StoreError};

/// How many uses one statement writes.
const BATCH: usize = 500;

/// The columns of a use; all are NULL where there was none.
pub(super) type UseColumns = (Option<i64>, Option<i64>, Option<i64>, Option<String>);

pub(super) fn usage(columns: UseColumns) -> Result<Option<Usage>, StoreError> {
    let (Some(first), Some(last), Some(uses), Some(address)) = columns else { return Ok(None) };
    let last_address =
        address.parse().map_err(|_| Malformed::because("the address of a use is no address"))?;
    let (first_used_at, last_used_at) = (Timestamp(first), Timestamp(last));
    Ok(Some(Usage { first_used_at, last_used_at, uses, last_address }))
}

/// What differs between the two tables of uses. The values stand between `insert` and `unless_gone`;
/// [`OR_ADD`] is the end.
struct Statement {
    insert: &'static str,
    unless_gone: &'static str,
}

const OF_SECRETS: Statement = Statement {
    insert: "
        INSERT INTO secret_use AS known (secret_id, first_used_at, last_used_at, uses, last_address)
        SELECT column1, column2, column3, column4, column5
        FROM (",
    unless_gone: ") AS used
        WHERE EXISTS (SELECT 1 FROM client_secret WHERE secret_id = column1)
        ON CONFLICT (secret_id)",
};

const OF_OTHERS: Statement = Statement {
    insert: "
        INSERT INTO client_use AS known (client_id, first_used_at, last_used_at, uses, last_address)
        SELECT column1, column2, column3, column4, column5
        FROM (",
    unless_gone: ") AS used
        WHERE EXISTS (SELECT 1 FROM client WHERE client_id = column1)
        ON CONFLICT (client_id)",
};

const OR_ADD: &str = " DO UPDATE SET
        first_used_at = CASE
            WHEN excluded.first_used_at < known.first_used_at
            THEN excluded.first_used_at ELSE known.first_used_at END,
        last_address = CASE
            WHEN excluded.last_used_at >= known.last_used_at
            THEN excluded.last_address ELSE known.last_address END,
        last_used_at = CASE
            WHEN excluded.last_used_at > known.last_used_at
            THEN excluded.last_used_at ELSE known.last_used_at END,
        uses = known.uses + excluded.uses";

impl Store {
    /// Adds to what is known of uses, all of it or nothing. What has been removed meanwhile is
    /// left out.
    pub async fn add_use(&self, uses: &[(Used<'_>, Usage)]) -> Result<(), StoreError> {
        let (mut of_secrets, mut of_others) = (Vec::new(), Vec::new());
        for (used, usage) in uses {
            match used {
                Used::Secret(secret_id) => of_secrets.push((secret_id.as_str(), usage)),
                Used::Other(client_id) => of_others.push((client_id.as_str(), usage)),
            }
        }
        let mut transaction = self.transaction().await?;
        transaction.add_use(&OF_SECRETS, &of_secrets).await?;
        transaction.add_use(&OF_OTHERS, &of_others).await?;
        transaction.commit().await
    }
}

impl Transaction {
    async fn add_use(
        &mut self,
        sql: &Statement,
        uses: &[(&str, &Usage)],
    ) -> Result<(), StoreError> {
        for batch in uses.chunks(BATCH) {
            on_transaction!(self, |connection| {
                let mut statement = QueryBuilder::new(sql.insert);
                statement.push_values(batch, |mut row, (id, usage)| {
                    row.push_bind(id)
                        .push_bind(usage.first_used_at.0)
                        .push_bind(usage.last_used_at.0)
                        .push_bind(usage.uses)
                        .push_bind(usage.last_address.to_string());
                });
                statement.push(sql.unless_gone).push(OR_ADD);
                statement.build().execute(connection).await?;
                Ok(())
            })?;
        }
        Ok(())
    }
}
