//! Chooses the table and index from which a list of clients is read: those of the condition with
//! the fewest matching rows.

use std::collections::BTreeSet;

use crate::model::client::ClientState;
use crate::model::labels;
use crate::model::owner::Owner;
use crate::store::clients::list::{ClientFilter, Position};
use crate::store::grants::scopes::ScopesOfResource;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// The limit up to which the rows of a source are counted. A source with fewer rows is read as a
/// whole, and the other conditions are checked for each of its rows.
const FEW_ROWS: u32 = 5_000;

/// A condition of a filter that an index can find in the order of client ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Source {
    /// The label with this index in the filter.
    Label(usize),
    /// The only resource of a filter without a scope.
    Resource,
    /// Grants that include the scope of the filter.
    Scopes(Vec<ScopesOfResource>),
    Name,
    State,
    Owners,
    Clients,
}

/// The method by which the clients of a list are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// The source is the whole list, without other conditions.
    Whole(Source),
    /// The source has few rows. Each one is checked.
    Few(Source),
    /// The texts of clients are searched, and each match is checked.
    Search,
    /// Clients are checked in the order of the list, in steps of bounded size.
    Walk,
}

impl ClientFilter {
    /// Returns the sources from which a list can be read, without [`Source::Scopes`].
    pub(in crate::store) fn sources(&self) -> Vec<Source> {
        let mut sources: Vec<_> = (0..self.labels.len()).map(Source::Label).collect();
        let is_resource = self
            .grant
            .as_ref()
            .is_some_and(|grant| grant.scope.is_none() && grant.resources.len() == 1);
        sources.extend(is_resource.then_some(Source::Resource));
        sources.extend(self.name.as_ref().map(|_| Source::Name));
        sources.extend(self.owners.as_ref().map(|_| Source::Owners));
        sources.extend(self.state.map(|_| Source::State));
        sources
    }

    /// True if the rows of the source are sorted by client id. The rows of several owners are
    /// sorted by owner.
    fn is_in_order(&self, source: &Source) -> bool {
        let owners = self.owners.as_ref().map_or(0, BTreeSet::len);
        *source != Source::Owners || owners <= 1
    }

    /// Returns the number of conditions in the filter, not counting `expiring`.
    pub(in crate::store) fn conditions(&self) -> usize {
        let others = [
            self.state.is_some(),
            self.name.is_some(),
            self.owners.is_some(),
            self.grant.is_some(),
            self.unused_since.is_some(),
            self.search.is_some(),
        ];
        self.labels.len() + others.into_iter().filter(|is_given| *is_given).count()
    }

    /// Appends the rows `t` of a source after the client `place`. `limit` is the maximum number of
    /// rows that the statement needs.
    pub(super) fn push_source(
        &self,
        statement: &mut Statement,
        source: &Source,
        place: &str,
        limit: Option<u32>,
    ) {
        match source {
            Source::Label(index) => {
                let label = self.labels.get(*index).map(|(key, value)| labels::text(key, value));
                statement.push_with("FROM client_label t WHERE t.label = ?", [label.into()]);
            }
            Source::Resource => {
                let resource = self.grant.as_ref().and_then(|grant| grant.resources.first());
                let resource = resource.map(|resource| resource.as_str().to_owned());
                statement.push_with("FROM client_grant t WHERE t.resource = ?", [resource.into()]);
            }
            Source::Scopes(found) => {
                ScopesOfResource::push_clients(found, statement, place, limit);
                return;
            }
            Source::Name => {
                let name = self.name.as_ref().map(|name| name.as_str().to_owned());
                statement.push_with("FROM client t WHERE t.name = ?", [name.into()]);
            }
            Source::State => {
                let state = self.state.map(|state| ClientState::as_str(state).to_owned());
                statement.push_with("FROM client t WHERE t.state = ?", [state.into()]);
            }
            Source::Owners => {
                statement.push("FROM client t WHERE t.owner IN ");
                statement.push_list(self.owners.iter().flatten().map(Owner::as_str));
            }
            Source::Clients => {
                statement.push_with("FROM client t WHERE t.client_id > ?", [place.into()]);
                return;
            }
        }
        statement.push_with(" AND t.client_id > ?", [place.into()]);
    }
}

impl Store {
    /// Chooses how to find the clients of a list after a position.
    pub(super) async fn client_plan(
        &self,
        filter: &ClientFilter,
        after: &Position,
    ) -> Result<Plan, StoreError> {
        // A list by expiry has another order, so every row of a source may belong to it.
        let place = if filter.expiring.is_some() { "" } else { after.client_id() };
        let mut sources = filter.sources();
        if let Some(grant) = &filter.grant
            && let Some(scope) = &grant.scope
        {
            let found = self.scopes_of_resources(&grant.resources, scope).await?;
            sources.extend(found.map(Source::Scopes));
        }
        let conditions = filter.conditions();
        if filter.expiring.is_none() {
            match (conditions, &sources[..]) {
                (0, _) => return Ok(Plan::Whole(Source::Clients)),
                (1, [one]) if filter.is_in_order(one) => return Ok(Plan::Whole(one.clone())),
                _ => {}
            }
        }
        let (mut best, mut fewest) = (None, i64::from(FEW_ROWS));
        for source in sources {
            let mut statement = Statement::default();
            statement.push("SELECT COUNT(*) FROM (SELECT 1 AS one ");
            filter.push_source(&mut statement, &source, place, Some(FEW_ROWS));
            statement.push_with(" LIMIT ?) AS following", [i64::from(FEW_ROWS).into()]);
            let rows = self.number(&statement).await?;
            if rows < fewest {
                (best, fewest) = (Some(source), rows);
            }
        }
        Ok(match best {
            Some(source) => Plan::Few(source),
            None if filter.search.is_some() && filter.expiring.is_none() => Plan::Search,
            None => Plan::Walk,
        })
    }
}
