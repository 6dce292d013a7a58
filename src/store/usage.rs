//! Writing the ledger: the use of secrets, in batches. It is no change: nobody follows it, and it
//! waits for none.

use sqlx::{Postgres, QueryBuilder, Sqlite};

use crate::model::secret::SecretId;
use crate::model::usage::Usage;
use crate::store::{Pool, Store, StoreError, within};

/// How many secrets one statement writes.
const BATCH: usize = 500;

/// Builds the statement for one batch, for whichever engine it is. A secret that has been removed
/// meanwhile is left out.
macro_rules! statement {
    ($engine:ty, $batch:expr) => {{
        let mut statement = QueryBuilder::<$engine>::new(
            "INSERT INTO secret_use (secret_id, first_used_at, last_used_at, uses, last_address)
            SELECT column1, column2, column3, column4, column5
            FROM (",
        );
        statement.push_values($batch, |mut row, (secret_id, usage)| {
            row.push_bind(secret_id.as_str().to_owned())
                .push_bind(usage.first_used_at.0)
                .push_bind(usage.last_used_at.0)
                .push_bind(usage.uses)
                .push_bind(usage.last_address.to_string());
        });
        statement.push(
            ") AS used
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
                uses = secret_use.uses + excluded.uses",
        );
        statement
    }};
}

/// Writes all batches in one transaction.
macro_rules! write_all {
    ($store:expr, $engine:ty, $begin:expr, $uses:expr) => {{
        let mut transaction = within($store.timeout, async { Ok($begin.await?) }).await?;
        for batch in $uses.chunks(BATCH) {
            let mut statement = statement!($engine, batch);
            let write = async { Ok(statement.build().execute(&mut *transaction).await?) };
            within($store.timeout, write).await?;
        }
        within($store.timeout, async { Ok(transaction.commit().await?) }).await
    }};
}

impl Store {
    /// Adds to the use of secrets, all of them or none.
    pub async fn add_use(&self, uses: &[(SecretId, Usage)]) -> Result<(), StoreError> {
        match &self.pool {
            Pool::Postgres(pool) => write_all!(self, Postgres, pool.begin(), uses),
            Pool::Sqlite(pool) => {
                write_all!(self, Sqlite, pool.begin_with("BEGIN IMMEDIATE"), uses)
            }
        }
    }
}
