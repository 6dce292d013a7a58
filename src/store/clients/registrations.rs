//! Reads clients with all their child rows, for administrators.

use std::collections::HashMap;

use crate::model::client::{ClientId, Registration};
use crate::model::secret::SecretRecord;
use crate::model::usage::Usage;
use crate::store::clients::ClientRow;
use crate::store::clients::child_rows::{ChildRows, Children, ClientSet};
use crate::store::reader::Reader;
use crate::store::row::TableRow;
use crate::store::secrets::SecretRow;
use crate::store::statement::Statement;
use crate::store::usage::UsageRows;
use crate::store::{Store, StoreError};

/// Clients with their ids. The id is available even if the rest of the client cannot be decoded.
pub type Registrations = Vec<(String, Result<Registration, StoreError>)>;

impl Store {
    /// Returns one client with all its child rows.
    pub async fn registration(&self, id: &ClientId) -> Result<Option<Registration>, StoreError> {
        self.read().registration(id).await
    }

    /// Returns the existing clients among `ids`, in the order of `ids`. Each id is a bound value of
    /// one statement, so `ids` must not exceed a few thousand.
    pub async fn registrations(&self, ids: &[&str]) -> Result<Registrations, StoreError> {
        self.read().registrations(ids).await
    }
}

impl Reader<'_> {
    /// Returns one client with all its child rows.
    pub async fn registration(
        &mut self,
        id: &ClientId,
    ) -> Result<Option<Registration>, StoreError> {
        let found = self.registrations(&[id.as_str()]).await?.pop();
        found.map(|(_, registration)| registration).transpose()
    }

    /// Returns the same as [`Store::registrations`].
    pub async fn registrations(&mut self, ids: &[&str]) -> Result<Registrations, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let clients = ClientSet::Of(ids);
        let mut statement = Statement::default();
        statement.push(ClientRow::SELECT).push("WHERE ");
        clients.push(&mut statement);
        let rows = self.rows::<ClientRow>(&statement).await?;
        let mut children = ChildRows::read(self, clients).await?;
        let usage = UsageRows::read(self, clients).await?;
        let mut found: HashMap<String, ClientRow> =
            rows.into_iter().map(|row| (row.token.client_id.clone(), row)).collect();
        let in_order = ids.iter().filter_map(|id| found.remove_entry(*id)).map(|(id, row)| {
            let children = children.take(&id);
            let registration = registration(row, children, &usage);
            (id, registration)
        });
        Ok(in_order.collect())
    }
}

fn registration(
    row: ClientRow,
    children: Result<Children<SecretRow>, StoreError>,
    usage: &UsageRows,
) -> Result<Registration, StoreError> {
    let Children { secrets, grants, trusts, spiffe_trusts } = children?;
    let with_use = |row: SecretRow| -> Result<SecretRecord, StoreError> {
        let secret = row.decode()?;
        Ok(SecretRecord { usage: usage.of_secret(&secret.secret_id)?, ..secret })
    };
    let secrets = secrets.into_iter().map(with_use).collect::<Result<_, _>>()?;
    let own_use: Option<Usage> = usage.of_client(&row.token.client_id)?;
    let client = row.decode()?;
    let grants = grants.into_iter().map(|held| held.grant).collect();
    Ok(Registration { client, secrets, grants, trusts, spiffe_trusts, usage: own_use })
}
