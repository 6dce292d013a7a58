//! Grants of clients.

use crate::model::client::ClientId;
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::store::change::{Change, on_change};
use crate::store::{Store, StoreError, meaning_of, on_pool};

pub(super) type GrantRow = (String, String, Option<String>, Option<String>);

/// The columns of a [`GrantRow`], in alphabetical order.
macro_rules! grants_where {
    ($condition:literal) => {
        concat!(
            "SELECT client_id, resource, scopes, networks FROM client_grant WHERE ",
            $condition,
            " ORDER BY client_id, resource"
        )
    };
}
pub(super) use grants_where;

pub(super) fn grant(
    resource: &str,
    scopes: Option<&str>,
    networks: &str,
) -> Result<Grant, StoreError> {
    let scopes = match scopes {
        None => GrantedScopes::All,
        Some("") => GrantedScopes::Only(Scopes::default()),
        Some(text) => GrantedScopes::Only(Scopes::parse(text)?),
    };
    Ok(Grant {
        resource: ResourceId::parse(resource)?,
        scopes,
        networks: Networks::parse(networks)?,
    })
}

/// Networks as they are stored: nothing for anywhere.
pub(super) fn networks(networks: &Networks) -> Option<String> {
    (!networks.is_anywhere()).then(|| networks.to_string())
}

impl Store {
    /// The clients that have a grant to a resource, in alphabetical order.
    pub async fn clients_granted(
        &self,
        resource: &ResourceId,
    ) -> Result<Vec<ClientId>, StoreError> {
        const SQL: &str = "
            SELECT client_id
            FROM client_grant
            WHERE resource = $1
            ORDER BY client_id";
        on_pool!(self, |pool| {
            let ids: Vec<String> =
                sqlx::query_scalar(SQL).bind(resource.as_str()).fetch_all(pool).await?;
            Ok(ids.iter().map(|id| ClientId::parse(id)).collect::<Result<_, _>>()?)
        })
    }
}

impl Change {
    /// Gives a client a grant, in place of an earlier one to the same resource.
    pub async fn put_grant(
        &mut self,
        client_id: &ClientId,
        grant: &Grant,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO client_grant (client_id, resource, scopes, networks)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (client_id, resource) DO UPDATE
            SET scopes = excluded.scopes, networks = excluded.networks";
        let scopes = match &grant.scopes {
            GrantedScopes::All => None,
            GrantedScopes::Only(scopes) => Some(scopes.to_string()),
        };
        on_change!(self, |connection| {
            sqlx::query(SQL)
                .bind(client_id.as_str())
                .bind(grant.resource.as_str())
                .bind(scopes)
                .bind(networks(&grant.networks))
                .execute(connection)
                .await
                .map_err(|error| meaning_of(error, "grant", "client or resource"))?;
            Ok(())
        })
    }

    /// Takes a grant from a client; `false` if it has none to that resource.
    pub async fn delete_grant(
        &mut self,
        client_id: &ClientId,
        resource: &ResourceId,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM client_grant WHERE client_id = $1 AND resource = $2";
        let rows = on_change!(self, |connection| {
            let done = sqlx::query(SQL)
                .bind(client_id.as_str())
                .bind(resource.as_str())
                .execute(connection)
                .await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }
}
