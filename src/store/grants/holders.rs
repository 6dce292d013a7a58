//! The clients that hold a grant for a resource, for showing what is lost with the resource or with
//! one of its scopes.

use crate::model::client::ClientId;
use crate::model::grant::GrantedScopes;
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::time::Timestamp;
use crate::store::grants::granted_scopes;
use crate::store::reader::Reader;
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError};

/// A client that holds a grant for a resource.
#[derive(Debug, Clone)]
pub struct GrantHolder {
    /// The client.
    pub client_id: ClientId,
    /// The owner of the client. Only its administrators may see when the client was used.
    pub owner: Option<Owner>,
    /// The granted scopes.
    pub scopes: GrantedScopes,
    /// The time of the client's last authentication, for any resource.
    pub last_used_at: Option<Timestamp>,
}

named_row! {
    struct HolderRow {
        client_id: String,
        owner: Option<String>,
        scopes: Option<String>,
        secrets_used_at: Option<i64>,
        others_used_at: Option<i64>,
    }
}

impl HolderRow {
    fn decode(&self) -> Result<GrantHolder, StoreError> {
        Ok(GrantHolder {
            client_id: ClientId::parse(&self.client_id)?,
            owner: self.owner.as_deref().map(Owner::stored),
            scopes: granted_scopes(self.scopes.as_deref()),
            last_used_at: self.secrets_used_at.max(self.others_used_at).map(Timestamp),
        })
    }
}

impl Store {
    /// Returns the clients that hold a grant for a resource, in alphabetical order.
    pub async fn grant_holders(
        &self,
        resource: &ResourceId,
    ) -> Result<Vec<GrantHolder>, StoreError> {
        self.read().grant_holders(resource).await
    }
}

impl Reader<'_> {
    /// Returns the clients that hold a grant for a resource, in alphabetical order.
    pub async fn grant_holders(
        &mut self,
        resource: &ResourceId,
    ) -> Result<Vec<GrantHolder>, StoreError> {
        const SQL: &str = "
            SELECT client_grant.client_id, client_grant.scopes,
                (SELECT client.owner
                FROM client
                WHERE client.client_id = client_grant.client_id) AS owner,
                (SELECT MAX(secret_use.last_used_at)
                FROM client_secret
                JOIN secret_use ON secret_use.secret_id = client_secret.secret_id
                WHERE client_secret.client_id = client_grant.client_id) AS secrets_used_at,
                (SELECT client_use.last_used_at
                FROM client_use
                WHERE client_use.client_id = client_grant.client_id) AS others_used_at
            FROM client_grant
            WHERE client_grant.resource = ?
            ORDER BY client_grant.client_id";
        let mut statement = Statement::default();
        statement.push_with(SQL, [resource.as_str().into()]);
        self.rows::<HolderRow>(&statement).await?.iter().map(HolderRow::decode).collect()
    }
}

impl WriteTransaction {
    /// Replaces the scopes of a grant; its networks are unchanged.
    pub async fn set_grant_scopes(
        &mut self,
        client_id: &ClientId,
        resource: &ResourceId,
        scopes: &Scopes,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE client_grant SET scopes = $3 WHERE client_id = $1 AND resource = $2";
        on_write!(self, |connection| {
            sqlx::query(SQL)
                .bind(client_id.as_str())
                .bind(resource.as_str())
                .bind(scopes.to_string())
                .execute(connection)
                .await?;
            Ok(())
        })
    }
}
