//! The clients that hold a grant for a resource: for what is lost with the resource or a scope of it.

use crate::model::client::ClientId;
use crate::model::grant::GrantedScopes;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::time::Timestamp;
use crate::store::grants::grant;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError, on_pool};

/// A client that holds a grant for a resource.
#[derive(Debug, Clone)]
pub struct GrantHolder {
    /// The client.
    pub client_id: ClientId,
    /// The scopes of its grant.
    pub scopes: GrantedScopes,
    /// The last time at which the client authenticated, for any resource.
    pub last_used_at: Option<Timestamp>,
}

/// The columns `client_id, scopes`, and the last use of its secrets and of its other credentials.
type Row = (String, Option<String>, Option<i64>, Option<i64>);

impl Store {
    /// The clients that hold a grant for a resource, in alphabetical order.
    pub async fn grant_holders(
        &self,
        resource: &ResourceId,
    ) -> Result<Vec<GrantHolder>, StoreError> {
        const SQL: &str = "
            SELECT client_grant.client_id, client_grant.scopes,
                (SELECT MAX(secret_use.last_used_at)
                FROM client_secret
                JOIN secret_use ON secret_use.secret_id = client_secret.secret_id
                WHERE client_secret.client_id = client_grant.client_id),
                (SELECT client_use.last_used_at
                FROM client_use
                WHERE client_use.client_id = client_grant.client_id)
            FROM client_grant
            WHERE client_grant.resource = $1
            ORDER BY client_grant.client_id";
        on_pool!(self, |pool| {
            let rows: Vec<Row> =
                sqlx::query_as(SQL).bind(resource.as_str()).fetch_all(pool).await?;
            rows.into_iter()
                .map(|(client_id, scopes, by_secret, by_other)| {
                    Ok(GrantHolder {
                        client_id: ClientId::parse(&client_id)?,
                        scopes: grant(resource.as_str(), scopes.as_deref(), "")?.scopes,
                        last_used_at: by_secret.max(by_other).map(Timestamp),
                    })
                })
                .collect()
        })
    }
}

impl WriteTransaction {
    /// Replaces the scopes of a grant and leaves its networks.
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
