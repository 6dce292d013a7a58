//! Reads clients for the directory: only the fields that token requests need, and page by page,
//! because there may be a million clients.

use crate::model::client::ClientId;
use crate::model::client_settings::ClientTokenSettings;
use crate::model::grant::HeldGrant;
use crate::model::owner::Owner;
use crate::model::secret::LoadedSecret;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::trust::FederatedCredential;
use crate::store::clients::TokenRow;
use crate::store::clients::child_rows::{ChildRows, Children, ClientSet};
use crate::store::row::TableRow;
use crate::store::secrets::TokenSecretRow;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Clients with their ids. The id is available even if the rest of the client cannot be decoded.
pub type Page = Vec<(String, Result<LoadedClient, StoreError>)>;

/// The fields of a client that the directory keeps.
#[derive(Debug)]
pub struct LoadedClient {
    /// The client's own settings.
    pub client: ClientTokenSettings,
    /// The owner of the client.
    pub owner: Option<Owner>,
    /// The secrets, oldest first.
    pub secrets: Vec<LoadedSecret>,
    /// The grants, in alphabetical order of their resources.
    pub grants: Vec<HeldGrant>,
    /// The external issuers whose tokens authenticate the client.
    pub trusts: Vec<FederatedCredential>,
    /// The SPIFFE trust domains whose JWT-SVIDs authenticate the client.
    pub spiffe_trusts: Vec<SpiffeTrust>,
}

impl Store {
    /// Returns the existing clients among `ids`, in no particular order. Each client costs one
    /// index lookup per table.
    pub async fn clients_of(&self, ids: &[ClientId]) -> Result<Page, StoreError> {
        let ids: Vec<_> = ids.iter().map(ClientId::as_str).collect();
        let clients = ClientSet::Of(&ids);
        let mut statement = Statement::default();
        statement.push(TokenRow::SELECT).push("WHERE ");
        clients.push(&mut statement);
        let mut reader = self.read();
        let rows = reader.rows::<TokenRow>(&statement).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        Ok(page(rows, ChildRows::read(&mut reader, clients).await?))
    }

    /// Returns the first `limit` clients after `after`. A page costs one range scan per table,
    /// regardless of the number of clients.
    pub async fn stored_clients(&self, after: &str, limit: u32) -> Result<Page, StoreError> {
        let mut statement = Statement::default();
        statement.push(TokenRow::SELECT).push_with(
            "WHERE client_id > ? ORDER BY client_id LIMIT ?",
            [after.into(), i64::from(limit).into()],
        );
        let mut reader = self.read();
        let rows = reader.rows::<TokenRow>(&statement).await?;
        let Some(last) = rows.last() else { return Ok(Vec::new()) };
        let clients = ClientSet::Range { after, last: &last.client_id };
        let children = ChildRows::read(&mut reader, clients).await?;
        Ok(page(rows, children))
    }
}

fn page(rows: Vec<TokenRow>, mut children: ChildRows<TokenSecretRow>) -> Page {
    let with_children = |row: TokenRow| {
        let id = row.client_id.clone();
        let children = children.take(&id);
        (id, loaded(row, children))
    };
    rows.into_iter().map(with_children).collect()
}

fn loaded(
    row: TokenRow,
    children: Result<Children<TokenSecretRow>, StoreError>,
) -> Result<LoadedClient, StoreError> {
    let Children { secrets, grants, trusts, spiffe_trusts } = children?;
    let secrets = secrets.into_iter().map(TokenSecretRow::decode).collect::<Result<_, _>>()?;
    let owner = row.owner.as_deref().map(Owner::stored);
    Ok(LoadedClient { client: row.decode()?, owner, secrets, grants, trusts, spiffe_trusts })
}
