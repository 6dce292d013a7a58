//! Resources and their scopes.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::labels::{LabelKey, LabelValue};
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId, ResourceScope, SignedBefore, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::source::SourceName;
use crate::model::time::{Lifetime, Timestamp};
use crate::store::owners::facts::FactColumns;
use crate::store::reader::Reader;
use crate::store::row::{TableRow, table_row};
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError, on_pool};

/// The stored text of [`SignedBefore::Server`].
const SERVER: &str = "default";

table_row! {
    /// A row of `resource`.
    struct ResourceRow in "resource" {
        resource: String,
        token_lifetime: Option<i64>,
        signing_algorithm: Option<String>,
        signed_before: Option<String>,
        token_typ: Option<String>,
        owner: Option<String>,
        description: Option<String>,
        contact: Option<String>,
        labels: Option<String>,
        source: Option<String>,
        created_at: i64,
        updated_at: i64,
    }
}

table_row! {
    /// A row of `resource_scope`.
    struct ScopeRow in "resource_scope" {
        resource: String,
        scope: String,
        description: String,
    }
}

/// Stored resources, in alphabetical order. An unreadable resource does not hide the others.
#[derive(Debug, Default)]
pub struct StoredResources {
    /// The resources that were decoded.
    pub readable: Vec<Resource>,
    /// The other resources.
    pub unreadable: Vec<UnreadableResource>,
}

/// A resource that cannot be decoded, with its known fields.
#[derive(Debug)]
pub struct UnreadableResource {
    /// The identifier of the resource.
    pub resource: String,
    /// The owner of the resource.
    pub owner: Option<Owner>,
    /// The source that applies the resource.
    pub source: Option<SourceName>,
    /// Why it cannot be decoded.
    pub problem: StoreError,
}

/// A page of a list of resources.
#[derive(Debug, Default)]
pub struct ResourcePage {
    /// The resources.
    pub found: StoredResources,
    /// The identifier of the last resource, if more may follow.
    pub next: Option<String>,
}

table_row! {
    /// The columns of `resource` that identify its owner.
    struct ResourceOwnerRow in "resource" {
        resource: String,
        owner: Option<String>,
    }
}

/// A filter of resources: a resource must match every given condition.
#[derive(Debug, Clone, Default)]
pub struct ResourceFilter {
    /// The owners, of which the resource has one. `None` matches any resource, with or without an
    /// owner.
    pub owners: Option<BTreeSet<Owner>>,
    /// The labels, all of which the resource has.
    pub labels: Vec<(LabelKey, LabelValue)>,
    /// A part of the identifier, ignoring the case of ASCII letters.
    pub search: Option<String>,
}

impl ResourceFilter {
    fn push_conditions(&self, statement: &mut Statement) {
        if let Some(owners) = &self.owners {
            statement.push(" AND owner IN ").push_list(owners.iter().map(Owner::as_str));
        }
        for (key, value) in &self.labels {
            // In the stored JSON object, only keys are followed by a colon and texts contain no
            // quotes, so the text matches exactly this label.
            let pair = format!("\"{}\":\"{}\"", key.as_str(), value.as_str());
            statement.push_with(" AND replace(labels, ?, '') <> labels", [pair.into()]);
        }
        if let Some(text) = &self.search {
            statement.push_with(
                " AND replace(lower(resource), lower(?), '') <> lower(resource)",
                [text.as_str().into()],
            );
        }
    }
}

impl ResourceRow {
    fn of(resource: &Resource) -> Self {
        let has_own_typ = resource.token_typ != TokenTyp::default();
        let FactColumns { owner, description, contact, labels } = FactColumns::of(&resource.facts);
        Self {
            resource: resource.resource.as_str().to_owned(),
            token_lifetime: resource.token_lifetime.map(Lifetime::seconds),
            signing_algorithm: resource.signing_algorithm.map(|own| own.as_str().to_owned()),
            signed_before: match resource.signed_before {
                SignedBefore::Never => None,
                SignedBefore::Server => Some(SERVER.to_owned()),
                SignedBefore::Own(algorithm) => Some(algorithm.as_str().to_owned()),
            },
            token_typ: has_own_typ.then(|| resource.token_typ.as_str().to_owned()),
            owner,
            description,
            contact,
            labels,
            source: resource.source.as_ref().map(|source| source.as_str().to_owned()),
            created_at: resource.created_at.0,
            updated_at: resource.updated_at.0,
        }
    }

    fn decode(self, scopes: Vec<ResourceScope>) -> Result<Resource, StoreError> {
        let typ = self.token_typ.as_deref().map(TokenTyp::parse).transpose()?;
        let source = self.source.as_deref().map(SourceName::stored);
        let Self { owner, description, contact, labels, .. } = self;
        Ok(Resource {
            resource: ResourceId::parse(&self.resource)?,
            scopes,
            token_lifetime: self.token_lifetime.map(Lifetime::stored),
            signing_algorithm: self
                .signing_algorithm
                .as_deref()
                .map(Algorithm::parse)
                .transpose()?,
            signed_before: match self.signed_before.as_deref() {
                None => SignedBefore::Never,
                Some(SERVER) => SignedBefore::Server,
                Some(name) => SignedBefore::Own(Algorithm::parse(name)?),
            },
            token_typ: typ.unwrap_or_default(),
            facts: FactColumns { owner, description, contact, labels }.decode()?,
            source,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

fn scopes_by_resource(rows: Vec<ScopeRow>) -> BTreeMap<String, Vec<ResourceScope>> {
    let mut scopes: BTreeMap<String, Vec<ResourceScope>> = BTreeMap::new();
    for ScopeRow { resource, scope, description } in rows {
        scopes
            .entry(resource)
            .or_default()
            .push(ResourceScope { name: ScopeName::stored(&scope), description });
    }
    scopes
}

impl Reader<'_> {
    /// Returns one resource by its identifier.
    pub async fn resource(&mut self, id: &ResourceId) -> Result<Option<Resource>, StoreError> {
        let (mut row, mut scopes) = (Statement::default(), Statement::default());
        row.push(ResourceRow::SELECT).push_with("WHERE resource = ?", [id.as_str().into()]);
        scopes
            .push(ScopeRow::SELECT)
            .push_with("WHERE resource = ? ORDER BY scope", [id.as_str().into()]);
        let Some(row) = self.rows::<ResourceRow>(&row).await?.pop() else { return Ok(None) };
        let scopes = scopes_by_resource(self.rows(&scopes).await?).into_values().next();
        row.decode(scopes.unwrap_or_default()).map(Some)
    }

    /// Returns the identifiers and owners of all resources that can be decoded.
    pub async fn resource_owners(
        &mut self,
    ) -> Result<Vec<(ResourceId, Option<Owner>)>, StoreError> {
        let mut statement = Statement::default();
        statement.push(ResourceOwnerRow::SELECT).push("ORDER BY resource");
        let decode = |ResourceOwnerRow { resource, owner }| {
            Some((ResourceId::parse(&resource).ok()?, owner.as_deref().map(Owner::stored)))
        };
        Ok(self
            .rows::<ResourceOwnerRow>(&statement)
            .await?
            .into_iter()
            .filter_map(decode)
            .collect())
    }

    async fn stored_resources(&mut self) -> Result<StoredResources, StoreError> {
        let (mut rows, mut scopes) = (Statement::default(), Statement::default());
        rows.push(ResourceRow::SELECT).push("ORDER BY resource");
        scopes.push(ScopeRow::SELECT).push("ORDER BY resource, scope");
        let rows = self.rows::<ResourceRow>(&rows).await?;
        Ok(decode_each(rows, self.rows(&scopes).await?))
    }

    async fn resource_page(
        &mut self,
        filter: &ResourceFilter,
        after: &str,
        limit: u32,
    ) -> Result<ResourcePage, StoreError> {
        let (mut rows, mut scopes) = (Statement::default(), Statement::default());
        rows.push(ResourceRow::SELECT).push_with("WHERE resource > ?", [after.into()]);
        filter.push_conditions(&mut rows);
        rows.push_with(" ORDER BY resource LIMIT ?", [i64::from(limit).into()]);
        let rows = self.rows::<ResourceRow>(&rows).await?;
        let Some(last) = rows.last().map(|row| row.resource.clone()) else {
            return Ok(ResourcePage::default());
        };
        let next = (rows.len() == limit as usize).then_some(last);
        scopes.push(ScopeRow::SELECT).push("WHERE resource IN ");
        scopes.push_list(rows.iter().map(|row| row.resource.as_str()));
        scopes.push(" ORDER BY resource, scope");
        Ok(ResourcePage { found: decode_each(rows, self.rows(&scopes).await?), next })
    }
}

fn decode_each(rows: Vec<ResourceRow>, scopes: Vec<ScopeRow>) -> StoredResources {
    let (mut found, mut scopes) = (StoredResources::default(), scopes_by_resource(scopes));
    for row in rows {
        let own = scopes.remove(&row.resource).unwrap_or_default();
        let (resource, owner) = (row.resource.clone(), row.owner.as_deref().map(Owner::stored));
        let source = row.source.as_deref().map(SourceName::stored);
        match row.decode(own) {
            Ok(readable) => found.readable.push(readable),
            Err(problem) => {
                found.unreadable.push(UnreadableResource { resource, owner, source, problem });
            }
        }
    }
    found
}

impl Store {
    /// Returns one resource by its identifier.
    pub async fn resource(&self, id: &ResourceId) -> Result<Option<Resource>, StoreError> {
        self.read().resource(id).await
    }

    /// Returns the resources that offer a scope, in alphabetical order. Omits resources with an
    /// unreadable identifier.
    pub async fn resources_offering(
        &self,
        scope: &ScopeName,
    ) -> Result<Vec<ResourceId>, StoreError> {
        const SQL: &str = "SELECT resource FROM resource_scope WHERE scope = $1 ORDER BY resource";
        on_pool!(self, |pool| {
            let ids: Vec<String> =
                sqlx::query_scalar(SQL).bind(scope.as_str()).fetch_all(pool).await?;
            Ok(ids.iter().filter_map(|id| ResourceId::parse(id).ok()).collect())
        })
    }

    /// Returns the first `limit` matching resources after `after`, in alphabetical order.
    pub async fn resource_page(
        &self,
        filter: &ResourceFilter,
        after: &str,
        limit: u32,
    ) -> Result<ResourcePage, StoreError> {
        self.read().resource_page(filter, after, limit).await
    }

    /// Returns all resources.
    pub async fn stored_resources(&self) -> Result<StoredResources, StoreError> {
        self.read().stored_resources().await
    }
}

impl WriteTransaction {
    /// Adds a resource with its scopes.
    pub async fn create_resource(&mut self, resource: &Resource) -> Result<(), StoreError> {
        self.insert(ResourceRow::of(resource), "resource", "resource").await?;
        self.insert_scopes(resource).await
    }

    /// Replaces the fields and scopes of a resource. Returns `false` if it does not exist.
    pub async fn update_resource(&mut self, resource: &Resource) -> Result<bool, StoreError> {
        const CLEAR: &str = "DELETE FROM resource_scope WHERE resource = $1";
        let id = resource.resource.as_str();
        let exists = self.update(ResourceRow::of(resource)).await?;
        if !exists {
            return Ok(false);
        }
        on_write!(self, |connection| {
            sqlx::query(CLEAR).bind(id).execute(connection).await?;
            Ok(())
        })?;
        self.insert_scopes(resource).await?;
        Ok(true)
    }

    /// Deletes a resource with its scopes and all grants for it. Returns `false` if it does not
    /// exist.
    pub async fn delete_resource(&mut self, id: &ResourceId) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM resource WHERE resource = $1";
        let rows = on_write!(self, |connection| {
            let done = sqlx::query(SQL).bind(id.as_str()).execute(connection).await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    async fn insert_scopes(&mut self, resource: &Resource) -> Result<(), StoreError> {
        for scope in &resource.scopes {
            let row = ScopeRow {
                resource: resource.resource.as_str().to_owned(),
                scope: scope.name.as_str().to_owned(),
                description: scope.description.clone(),
            };
            self.insert(row, "scope of that name", "resource").await?;
        }
        Ok(())
    }
}
