//! Usage statistics of secrets and of the other credentials of clients. Writing them is not a
//! change: it has no event and does not wait for other changes.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use crate::model::Malformed;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;
use crate::model::usage::{Usage, Used};
use crate::store::clients::child_rows::ClientSet;
use crate::store::instances::heartbeat::Heartbeat;
use crate::store::reader::Reader;
use crate::store::row::{TableRow, table_row};
use crate::store::statement::Statement;
use crate::store::transaction::{Transaction, on_transaction};
use crate::store::{Store, StoreError};

/// The number of uses that one statement writes.
const BATCH_SIZE: usize = 500;

table_row! {
    /// A row of `secret_use`.
    struct SecretUseRow in "secret_use" {
        secret_id: String,
        first_used_at: i64,
        last_used_at: i64,
        uses: i64,
        last_address: String,
    }
}

table_row! {
    /// A row of `client_use`.
    struct ClientUseRow in "client_use" {
        client_id: String,
        first_used_at: i64,
        last_used_at: i64,
        uses: i64,
        last_address: String,
    }
}

/// The usage of some clients and of their secrets.
pub(super) struct UsageRows {
    of_secrets: HashMap<String, SecretUseRow>,
    of_clients: HashMap<String, ClientUseRow>,
}

impl UsageRows {
    /// Reads the usage of some clients.
    pub(super) async fn read(
        reader: &mut Reader<'_>,
        clients: ClientSet<'_>,
    ) -> Result<Self, StoreError> {
        let (mut of_secrets, mut of_clients) = (Statement::default(), Statement::default());
        of_secrets
            .push(SecretUseRow::SELECT)
            .push("WHERE secret_id IN (SELECT secret_id FROM client_secret WHERE ");
        clients.push(&mut of_secrets);
        of_secrets.push(")");
        of_clients.push(ClientUseRow::SELECT).push("WHERE ");
        clients.push(&mut of_clients);
        let of_secrets = reader.rows::<SecretUseRow>(&of_secrets).await?.into_iter();
        let of_clients = reader.rows::<ClientUseRow>(&of_clients).await?.into_iter();
        Ok(Self {
            of_secrets: of_secrets.map(|row| (row.secret_id.clone(), row)).collect(),
            of_clients: of_clients.map(|row| (row.client_id.clone(), row)).collect(),
        })
    }

    /// Returns the usage of a secret; `None` if it was never used.
    pub(super) fn of_secret(&self, id: &SecretId) -> Result<Option<Usage>, StoreError> {
        let row = self.of_secrets.get(id.as_str());
        row.map(|row| usage(row.first_used_at, row.last_used_at, row.uses, &row.last_address))
            .transpose()
    }

    /// Returns the usage of a client's other credentials; `None` if they were never used.
    pub(super) fn of_client(&self, id: &str) -> Result<Option<Usage>, StoreError> {
        let row = self.of_clients.get(id);
        row.map(|row| usage(row.first_used_at, row.last_used_at, row.uses, &row.last_address))
            .transpose()
    }
}

fn usage(first: i64, last: i64, uses: i64, address: &str) -> Result<Usage, StoreError> {
    let last_address = address
        .parse()
        .map_err(|_| Malformed::because("the address of a use is not an IP address"))?;
    let (first_used_at, last_used_at) = (Timestamp(first), Timestamp(last));
    Ok(Usage { first_used_at, last_used_at, uses, last_address })
}

/// The parts of the upsert that differ between the two tables. The values go between `insert` and
/// `unless_gone`; [`OR_ADD`] is the end.
struct Upsert {
    insert: &'static str,
    unless_gone: &'static str,
}

const OF_SECRETS: Upsert = Upsert {
    insert: "
        INSERT INTO secret_use AS known (secret_id, first_used_at, last_used_at, uses, last_address)
        SELECT column1, column2, column3, column4, column5
        FROM (",
    unless_gone: ") AS used
        WHERE EXISTS (SELECT 1 FROM client_secret WHERE secret_id = column1)
        ON CONFLICT (secret_id)",
};

const OF_OTHERS: Upsert = Upsert {
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
    /// Adds uses to the stored ones and records the heartbeat of this instance, all or nothing.
    /// Skips secrets and clients that were deleted in the meantime.
    pub async fn add_use(
        &self,
        uses: &[(Used<'_>, Usage)],
        heartbeat: &Heartbeat<'_>,
    ) -> Result<(), StoreError> {
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
        transaction.note_heartbeat(heartbeat).await?;
        transaction.commit().await
    }
}

impl Transaction {
    async fn add_use(&mut self, sql: &Upsert, uses: &[(&str, &Usage)]) -> Result<(), StoreError> {
        for batch in uses.chunks(BATCH_SIZE) {
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
