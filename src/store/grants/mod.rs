//! Grants of clients.

pub mod holders;
pub mod requests;
pub(super) mod scopes;

use serde::Serialize;

use crate::model::client::ClientId;
use crate::model::grant::{Grant, GrantedScopes, HeldGrant};
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::security::Networks;
use crate::store::clients::child_rows::ChildRow;
use crate::store::clients::{claims, claims_column, networks_column};
use crate::store::reader::Reader;
use crate::store::row::{TableRow, table_row};
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError};

table_row! {
    /// A row of `client_grant`.
    pub(super) struct HeldGrantRow in "client_grant" {
        /// The columns of `client_grant` that a new grant replaces.
        grant: struct GrantRow {
            client_id: String,
            resource: String,
            scopes: Option<String>,
            networks: Option<String>,
            claims: Option<String>,
        },
        is_approved: bool,
    }
}

impl GrantRow {
    fn of(client_id: &ClientId, grant: &Grant) -> Self {
        let scopes = match &grant.scopes {
            GrantedScopes::All => None,
            GrantedScopes::Only(scopes) => Some(scopes.to_string()),
        };
        Self {
            client_id: client_id.as_str().to_owned(),
            resource: grant.resource.as_str().to_owned(),
            scopes,
            networks: networks_column(&grant.networks),
            claims: claims_column(&grant.claims),
        }
    }

    fn decode(&self) -> Result<Grant, StoreError> {
        Ok(Grant {
            resource: ResourceId::parse(&self.resource)?,
            scopes: granted_scopes(self.scopes.as_deref()),
            networks: Networks::stored(self.networks.as_deref().unwrap_or_default())?,
            claims: claims(self.claims.as_deref())?,
        })
    }
}

impl HeldGrantRow {
    pub(super) fn decode(&self) -> Result<HeldGrant, StoreError> {
        Ok(HeldGrant { grant: self.grant.decode()?, is_approved: self.is_approved })
    }
}

impl ChildRow for HeldGrantRow {
    const ORDER: &'static str = " ORDER BY client_id, resource";

    fn client_id(&self) -> &str {
        &self.grant.client_id
    }
}

/// Decodes the column `scopes`: NULL means all scopes.
pub(super) fn granted_scopes(column: Option<&str>) -> GrantedScopes {
    column.map_or(GrantedScopes::All, |text| GrantedScopes::Only(Scopes::stored(text)))
}

/// A client with a grant for a resource.
#[derive(Debug, Clone, Serialize)]
pub struct GrantedClient {
    /// The client id.
    pub client_id: ClientId,
    /// The scopes of the grant.
    pub scopes: GrantedScopes,
    /// The networks from which the grant may be used, as stored. Empty means any network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
}

/// A selection of the grants for a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantKind {
    /// All grants.
    Any,
    /// Grants of all scopes.
    AllScopes,
}

impl GrantKind {
    /// Returns the condition, and the order of the index that returns these grants sorted by
    /// client.
    fn condition(self) -> &'static str {
        match self {
            Self::Any => " ORDER BY client_id",
            Self::AllScopes => " AND scopes IS NULL ORDER BY resource, scopes, client_id",
        }
    }
}

impl Store {
    /// Returns the first `limit` clients with such a grant for a resource, sorted by id.
    pub async fn grants_of(
        &self,
        resource: &ResourceId,
        kind: GrantKind,
        limit: u32,
    ) -> Result<Vec<GrantedClient>, StoreError> {
        self.read().grants_of(resource, kind, limit).await
    }
}

impl Reader<'_> {
    /// Returns the first `limit` clients with such a grant for a resource, sorted by id.
    pub async fn grants_of(
        &mut self,
        resource: &ResourceId,
        kind: GrantKind,
        limit: u32,
    ) -> Result<Vec<GrantedClient>, StoreError> {
        let mut statement = Statement::default();
        statement
            .push(GrantRow::SELECT)
            .push_with("WHERE resource = ?", [resource.as_str().into()])
            .push(kind.condition())
            .push_with(" LIMIT ?", [i64::from(limit).into()]);
        let rows = self.rows::<GrantRow>(&statement).await?;
        let granted = rows.iter().map(|row| {
            let networks = row.networks.as_deref().unwrap_or_default().split_whitespace();
            Ok(GrantedClient {
                client_id: ClientId::parse(&row.client_id)?,
                scopes: granted_scopes(row.scopes.as_deref()),
                networks: networks.map(str::to_owned).collect(),
            })
        });
        granted.collect()
    }
}

impl WriteTransaction {
    /// Returns the grant of a client for a resource.
    pub async fn grant(
        &mut self,
        client_id: &ClientId,
        resource: &ResourceId,
    ) -> Result<Option<Grant>, StoreError> {
        let mut statement = Statement::default();
        statement.push(GrantRow::SELECT).push_with(
            "WHERE client_id = ? AND resource = ?",
            [client_id.as_str().into(), resource.as_str().into()],
        );
        let row = self.read().rows::<GrantRow>(&statement).await?.pop();
        row.as_ref().map(GrantRow::decode).transpose()
    }

    /// True if the client exists.
    pub async fn has_client(&mut self, client_id: &ClientId) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM client WHERE client_id = $1";
        let count: i64 = on_write!(self, |connection| {
            Ok(sqlx::query_scalar(SQL).bind(client_id.as_str()).fetch_one(connection).await?)
        })?;
        Ok(count > 0)
    }

    /// Returns the scopes that a resource offers; `None` if the resource does not exist.
    pub async fn offered_scopes(
        &mut self,
        resource: &ResourceId,
    ) -> Result<Option<Scopes>, StoreError> {
        const SQL: &str = "
            SELECT resource_scope.scope
            FROM resource
            LEFT JOIN resource_scope ON resource_scope.resource = resource.resource
            WHERE resource.resource = $1";
        let rows: Vec<Option<String>> = on_write!(self, |connection| {
            Ok(sqlx::query_scalar(SQL).bind(resource.as_str()).fetch_all(connection).await?)
        })?;
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(rows.iter().flatten().map(|name| ScopeName::stored(name)).collect()))
    }

    /// Marks a grant as approved by a grant request. The mark lasts until the grant is deleted: a
    /// later change by [`Self::put_grant`] does not remove it.
    pub async fn approve_grant(
        &mut self,
        client_id: &ClientId,
        resource: &ResourceId,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE client_grant SET is_approved = TRUE WHERE client_id = $1 AND resource = $2";
        on_write!(self, |connection| {
            let update = sqlx::query(SQL).bind(client_id.as_str()).bind(resource.as_str());
            update.execute(connection).await?;
            Ok(())
        })
    }

    /// Adds a grant, replacing an earlier one for the same resource.
    pub async fn put_grant(
        &mut self,
        client_id: &ClientId,
        grant: &Grant,
    ) -> Result<(), StoreError> {
        self.upsert(GrantRow::of(client_id, grant), 2, "grant", "client or resource").await
    }

    /// Deletes a grant. Returns `false` if the client has none for the resource.
    pub async fn delete_grant(
        &mut self,
        client_id: &ClientId,
        resource: &ResourceId,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM client_grant WHERE client_id = $1 AND resource = $2";
        let rows = on_write!(self, |connection| {
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
