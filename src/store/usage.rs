//! Writing the ledger: the use of secrets, in batches. It is no change: nobody follows it, and it
//! waits for none.

use sqlx::QueryBuilder;

use crate::model::secret::SecretId;
use crate::model::usage::Usage;
use crate::store::transaction::on_transaction;
use crate::store::{Store, StoreError};

/// How many secrets one statement writes.
const BATCH: usize = 500;

impl Store {
    /// Adds to the use of secrets, all of them or none. A secret that has been removed meanwhile
    /// is left out.
    pub async fn add_use(&self, uses: &[(&SecretId, Usage)]) -> Result<(), StoreError> {
        const INSERT: &str = "
            INSERT INTO secret_use (secret_id, first_used_at, last_used_at, uses, last_address)
            SELECT column1, column2, column3, column4, column5
            FROM (";
        const OR_ADD: &str = ") AS used
            WHERE EXISTS (SELECT 1 FROM client_secret WHERE secret_id = column1)
            ON CONFLICT (secret_id) DO UPDATE SET
                first_used_at = CASE
                    WHEN excluded.first_used_at < secret_use.first_used_at
                    THEN excluded.first_used_at ELSE secret_use.first_used_at END,
                last_address = CASE
                    WHEN excluded.last_used_at >= secret_use.last_used_at
                    THEN excluded.last_address ELSE secret_use.last_address END,
                last_used_at = CASE
                    WHEN excluded.last_used_at > secret_use.last_used_at
                    THEN excluded.last_used_at ELSE secret_use.last_used_at END,
                uses = secret_use.uses + excluded.uses";
        let mut transaction = self.transaction().await?;
        for batch in uses.chunks(BATCH) {
            on_transaction!(transaction, |connection| {
                let mut statement = QueryBuilder::new(INSERT);
                statement.push_values(batch, |mut row, (secret_id, usage)| {
                    row.push_bind(secret_id.as_str())
                        .push_bind(usage.first_used_at.0)
                        .push_bind(usage.last_used_at.0)
                        .push_bind(usage.uses)
                        .push_bind(usage.last_address.to_string());
                });
                statement.push(OR_ADD).build().execute(connection).await?;
                Ok(())
            })?;
        }
        transaction.commit().await
    }
}
