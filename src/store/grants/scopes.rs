//! Finds the distinct scope texts in the grants of resources. There are few of them, so the grants
//! that include a scope are a few ranges of an index.

use crate::model::resource::ResourceId;
use crate::model::scope::ScopeName;
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// The maximum number of texts to examine. With more, grants are examined one by one.
const MAX_TEXTS: u32 = 4_000;

/// The maximum number of resources whose texts are examined.
const MAX_RESOURCES: usize = 2_000;

/// The maximum number of index ranges that one statement reads.
const MAX_RANGES: usize = 50;

named_row! {
    /// A resource, and a scope text of grants for it; `None` means all scopes.
    #[derive(Clone, PartialEq, Eq)]
    pub(in crate::store) struct ScopesOfResource {
        resource: String,
        scopes: Option<String>,
    }
}

impl ScopesOfResource {
    /// Appends the distinct clients with such grants after the client `place`. With `limit`, reads
    /// only the first clients of each range, because a range is sorted by client.
    pub(in crate::store) fn push_clients(
        found: &[Self],
        statement: &mut Statement,
        place: &str,
        limit: Option<u32>,
    ) {
        statement.push("FROM (");
        for (number, Self { resource, scopes }) in found.iter().enumerate() {
            statement.push(if number == 0 { "" } else { " UNION " });
            statement
                .push("SELECT r.client_id FROM (SELECT g.client_id FROM client_grant g WHERE ");
            let resource = resource.as_str();
            match scopes.as_deref() {
                Some(scopes) => statement
                    .push_with("g.resource = ? AND g.scopes = ?", [resource.into(), scopes.into()]),
                None => {
                    statement.push_with("g.resource = ? AND g.scopes IS NULL", [resource.into()])
                }
            };
            statement.push_with(" AND g.client_id > ?", [place.into()]);
            // Postgres uses the index of these three columns only with this order.
            statement.push(" ORDER BY g.resource, g.scopes, g.client_id");
            if let Some(limit) = limit {
                statement.push_with(" LIMIT ?", [i64::from(limit).into()]);
            }
            statement.push(") AS r");
        }
        if found.is_empty() {
            statement.push("SELECT client_id FROM client_grant WHERE 1 = 0");
        }
        statement.push(") AS t WHERE 1 = 1");
    }
}

impl Store {
    /// Returns the scope texts of grants for these resources that include `scope`. `None` if there
    /// are too many. Each text costs one index lookup, regardless of the number of grants.
    pub(in crate::store) async fn scopes_of_resources(
        &self,
        resources: &[ResourceId],
        scope: &ScopeName,
    ) -> Result<Option<Vec<ScopesOfResource>>, StoreError> {
        if resources.len() > MAX_RESOURCES {
            return Ok(None);
        }
        let mut statement = Statement::default();
        statement.push(
            "WITH RECURSIVE texts (resource, scopes) AS (
                SELECT r.resource,
                    (SELECT MIN(g.scopes) FROM client_grant g WHERE g.resource = r.resource)
                FROM resource r
                WHERE r.resource IN ",
        );
        statement.push_list(resources.iter().map(ResourceId::as_str));
        statement.push(
            " UNION ALL
                SELECT t.resource,
                    (SELECT MIN(g.scopes) FROM client_grant g
                    WHERE g.resource = t.resource AND g.scopes > t.scopes)
                FROM texts t
                WHERE t.scopes IS NOT NULL
            )
            SELECT t.resource, t.scopes FROM texts t WHERE t.scopes IS NOT NULL
            UNION ALL
            SELECT r.resource, NULL FROM resource r WHERE r.resource IN ",
        );
        statement.push_list(resources.iter().map(ResourceId::as_str));
        statement.push_with(
            " AND EXISTS (
                SELECT 1 FROM client_grant g WHERE g.resource = r.resource AND g.scopes IS NULL)
            LIMIT ?",
            [i64::from(MAX_TEXTS).into()],
        );
        let texts = self.read().rows::<ScopesOfResource>(&statement).await?;
        if texts.len() >= MAX_TEXTS as usize {
            return Ok(None);
        }
        let includes = |text: &ScopesOfResource| {
            let scopes = text.scopes.as_deref();
            scopes.is_none_or(|scopes| scopes.split(' ').any(|one| one == scope.as_str()))
        };
        let found: Vec<_> = texts.into_iter().filter(includes).collect();
        Ok((found.len() <= MAX_RANGES).then_some(found))
    }
}
