//! Which texts of scopes the grants of resources have. They are few, so the grants that include a
//! scope are some ranges of an index.

use crate::model::resource::ResourceId;
use crate::model::scope::ScopeName;
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// How many texts are looked at. Grants of more are looked at one by one.
const MAX_TEXTS: u32 = 4_000;

/// Of how many resources texts are looked at.
const MAX_RESOURCES: usize = 2_000;

/// How many ranges one statement reads.
const MAX_RANGES: usize = 50;

named_row! {
    /// A resource, and a text of scopes that grants for it have; all scopes if absent.
    #[derive(Clone, PartialEq, Eq)]
    pub(in crate::store) struct ScopesOfResource {
        resource: String,
        scopes: Option<String>,
    }
}

impl ScopesOfResource {
    /// Appends the clients with such grants after the client `place`, each once. With a limit, the
    /// first ones of each range are enough, because a range is in the order of clients.
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
            // Postgres takes the index of these three columns for this order alone.
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
    /// The texts of scopes of grants for these resources that include a scope; `None` if there are
    /// too many. Each text costs one look into an index, however many grants have it.
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
