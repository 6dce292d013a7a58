//! Resources with their scopes.

use std::collections::BTreeMap;

use crate::model::resource::{Resource, ResourceId, ResourceScope, SignedBefore, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::time::{Lifetime, Timestamp};
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError, map_constraint, on_pool};

type Row = (String, Option<i64>, Option<String>, Option<String>, Option<String>, i64, i64);
/// The word for [`SignedBefore::Server`].
const SERVER: &str = "default";

type ScopeRow = (String, String, String);

fn resource(row: Row, scopes: Vec<ResourceScope>) -> Result<Resource, StoreError> {
    let (id, token_lifetime, signing_algorithm, signed_before, token_typ, created_at, updated_at) =
        row;
    Ok(Resource {
        resource: ResourceId::parse(&id)?,
        scopes,
        token_lifetime: token_lifetime.map(Lifetime::from_seconds).transpose()?,
        signing_algorithm: signing_algorithm.as_deref().map(Algorithm::parse).transpose()?,
        signed_before: match signed_before.as_deref() {
            None => SignedBefore::Never,
            Some(SERVER) => SignedBefore::Server,
            Some(name) => SignedBefore::Own(Algorithm::parse(name)?),
        },
        token_typ: token_typ.as_deref().map(TokenTyp::parse).transpose()?.unwrap_or_default(),
        created_at: Timestamp(created_at),
        updated_at: Timestamp(updated_at),
    })
}

fn token_typ(resource: &Resource) -> Option<&'static str> {
    (resource.token_typ != TokenTyp::default()).then(|| resource.token_typ.as_str())
}

fn scopes_by_resource(
    rows: Vec<ScopeRow>,
) -> Result<BTreeMap<String, Vec<ResourceScope>>, StoreError> {
    let mut scopes: BTreeMap<String, Vec<ResourceScope>> = BTreeMap::new();
    for (resource, scope, description) in rows {
        scopes
            .entry(resource)
            .or_default()
            .push(ResourceScope { name: ScopeName::parse(&scope)?, description });
    }
    Ok(scopes)
}

impl Store {
    /// One resource.
    pub async fn resource(&self, id: &ResourceId) -> Result<Option<Resource>, StoreError> {
        const ROW: &str = "
            SELECT resource, token_lifetime, signing_algorithm, signed_before, token_typ,
                created_at, updated_at
            FROM resource
            WHERE resource = $1";
        const SCOPES: &str = "
            SELECT resource, scope, description
            FROM resource_scope
            WHERE resource = $1
            ORDER BY scope";
        on_pool!(self, |pool| {
            let row: Option<Row> =
                sqlx::query_as(ROW).bind(id.as_str()).fetch_optional(pool).await?;
            let Some(row) = row else { return Ok(None) };
            let scopes: Vec<ScopeRow> =
                sqlx::query_as(SCOPES).bind(id.as_str()).fetch_all(pool).await?;
            let scopes = scopes_by_resource(scopes)?.into_values().next().unwrap_or_default();
            resource(row, scopes).map(Some)
        })
    }

    /// The resources that offer a scope, in alphabetical order.
    pub async fn resources_offering(
        &self,
        scope: &ScopeName,
    ) -> Result<Vec<ResourceId>, StoreError> {
        const SQL: &str = "SELECT resource FROM resource_scope WHERE scope = $1 ORDER BY resource";
        on_pool!(self, |pool| {
            let ids: Vec<String> =
                sqlx::query_scalar(SQL).bind(scope.as_str()).fetch_all(pool).await?;
            Ok(ids.iter().map(|id| ResourceId::parse(id)).collect::<Result<_, _>>()?)
        })
    }

    /// Every resource, in alphabetical order.
    pub async fn resources(&self) -> Result<Vec<Resource>, StoreError> {
        const ROWS: &str = "
            SELECT resource, token_lifetime, signing_algorithm, signed_before, token_typ,
                created_at, updated_at
            FROM resource
            ORDER BY resource";
        const SCOPES: &str = "
            SELECT resource, scope, description
            FROM resource_scope
            ORDER BY resource, scope";
        on_pool!(self, |pool| {
            let rows: Vec<Row> = sqlx::query_as(ROWS).fetch_all(pool).await?;
            let mut scopes = scopes_by_resource(sqlx::query_as(SCOPES).fetch_all(pool).await?)?;
            rows.into_iter()
                .map(|row| {
                    let own = scopes.remove(&row.0).unwrap_or_default();
                    resource(row, own)
                })
                .collect()
        })
    }
}

impl WriteTransaction {
    /// Adds a resource with its scopes.
    pub async fn create_resource(&mut self, resource: &Resource) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO resource
                (resource, token_lifetime, signing_algorithm, token_typ, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6)";
        on_write!(self, |connection| {
            sqlx::query(SQL)
                .bind(resource.resource.as_str())
                .bind(resource.token_lifetime.map(Lifetime::seconds))
                .bind(resource.signing_algorithm.map(Algorithm::as_str))
                .bind(token_typ(resource))
                .bind(resource.created_at.0)
                .bind(resource.updated_at.0)
                .execute(connection)
                .await
                .map_err(|error| map_constraint(error, "resource", "resource"))?;
            Ok(())
        })?;
        self.insert_scopes(resource).await
    }

    /// Replaces the fields and scopes of a resource; `false` if there is none.
    pub async fn update_resource(&mut self, resource: &Resource) -> Result<bool, StoreError> {
        const ROW: &str = "
            UPDATE resource
            SET token_lifetime = $2, signing_algorithm = $3, signed_before = $4, token_typ = $5,
                updated_at = $6
            WHERE resource = $1";
        const CLEAR: &str = "DELETE FROM resource_scope WHERE resource = $1";
        let id = resource.resource.as_str();
        let rows = on_write!(self, |connection| {
            let done = sqlx::query(ROW)
                .bind(id)
                .bind(resource.token_lifetime.map(Lifetime::seconds))
                .bind(resource.signing_algorithm.map(Algorithm::as_str))
                .bind(match resource.signed_before {
                    SignedBefore::Never => None,
                    SignedBefore::Server => Some(SERVER),
                    SignedBefore::Own(algorithm) => Some(algorithm.as_str()),
                })
                .bind(token_typ(resource))
                .bind(resource.updated_at.0)
                .execute(connection)
                .await?;
            Ok(done.rows_affected())
        })?;
        if rows == 0 {
            return Ok(false);
        }
        on_write!(self, |connection| {
            sqlx::query(CLEAR).bind(id).execute(connection).await?;
            Ok(())
        })?;
        self.insert_scopes(resource).await?;
        Ok(true)
    }

    /// Removes a resource with its scopes and every grant to it; `false` if there is none.
    pub async fn delete_resource(&mut self, id: &ResourceId) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM resource WHERE resource = $1";
        let rows = on_write!(self, |connection| {
            let done = sqlx::query(SQL).bind(id.as_str()).execute(connection).await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    async fn insert_scopes(&mut self, resource: &Resource) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO resource_scope (resource, scope, description)
            VALUES ($1, $2, $3)";
        for scope in &resource.scopes {
            on_write!(self, |connection| {
                sqlx::query(SQL)
                    .bind(resource.resource.as_str())
                    .bind(scope.name.as_str())
                    .bind(&scope.description)
                    .execute(connection)
                    .await
                    .map_err(|error| map_constraint(error, "scope of that name", "resource"))?;
                Ok(())
            })?;
        }
        Ok(())
    }
}
