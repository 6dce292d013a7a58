//! Clients as the memory of a server needs them: without what only people look at, and page by
//! page, because there may be a million.

use crate::model::client::ClientId;
use crate::model::client_settings::ClientTokenSettings;
use crate::model::grant::HeldGrant;
use crate::model::owner::Owner;
use crate::model::secret::{SecretHash, SecretId, SecretKind, SecretRecord};
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::time::Timestamp;
use crate::model::trust::FederatedCredential;
use crate::store::clients::TokenRow;
use crate::store::clients::child_rows::{ChildRows, Children, ClientSet};
use crate::store::row::TableRow;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Clients; each with its identifier, for the case that the rest cannot
/// be read.
pub type Page = Vec<(String, Result<LoadedClient, StoreError>)>;

/// What a server remembers of a client.
#[derive(Debug)]
pub struct LoadedClient {
    /// The client itself.
    pub client: ClientTokenSettings,
    /// The team that it belongs to.
    pub owner: Option<Owner>,
    /// Its secrets, oldest first.
    pub secrets: Vec<LoadedSecret>,
    /// What it may ask for, in alphabetical order.
    pub grants: Vec<HeldGrant>,
    /// Foreign issuers whose tokens authenticate it.
    pub trusts: Vec<FederatedCredential>,
    /// SPIFFE trust domains whose JWT-SVIDs authenticate it.
    pub spiffe_trusts: Vec<SpiffeTrust>,
}

/// What a server remembers of a secret.
#[derive(Debug)]
pub struct LoadedSecret {
    /// Its identifier.
    pub secret_id: SecretId,
    /// Where it comes from.
    pub kind: SecretKind,
    /// The stored hash.
    pub hash: SecretHash,
    /// Its last characters.
    pub suffix: Box<str>,
    /// The time from which on it is invalid.
    pub expires_at: Option<Timestamp>,
}

impl LoadedSecret {
    /// True as long as the secret is valid.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now.is_before(self.expires_at)
    }
}

impl From<SecretRecord> for LoadedSecret {
    fn from(secret: SecretRecord) -> Self {
        Self {
            secret_id: secret.secret_id,
            kind: secret.kind,
            hash: secret.hash,
            suffix: secret.suffix.into(),
            expires_at: secret.expires_at,
        }
    }
}

impl Store {
    /// Those of some clients that exist, in no order. They cost one look into an index for each
    /// client, and one for each kind of what belongs to it.
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

    /// At most `limit` clients whose identifier follows `after`. However many clients there are,
    /// a page costs one range scan of an index for the clients and one for each kind of what
    /// belongs to them.
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

fn page(rows: Vec<TokenRow>, mut children: ChildRows) -> Page {
    let with_children = |row: TokenRow| {
        let id = row.client_id.clone();
        let children = children.take(&id);
        (id, loaded(row, children))
    };
    rows.into_iter().map(with_children).collect()
}

fn loaded(
    row: TokenRow,
    children: Result<Children, StoreError>,
) -> Result<LoadedClient, StoreError> {
    let Children { secrets, grants, trusts, spiffe_trusts } = children?;
    let secrets = secrets.into_iter().map(LoadedSecret::from).collect();
    let owner = row.owner.as_deref().map(Owner::stored);
    Ok(LoadedClient { client: row.decode()?, owner, secrets, grants, trusts, spiffe_trusts })
}
