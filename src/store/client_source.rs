//! The table and the index that a list of clients is read from: those of the condition that the
//! fewest rows match.

use crate::model::client::ClientState;
use crate::model::owner::Owner;
use crate::store::client_labels::label_column;
use crate::store::client_list::{ClientFilter, Expiring, Position, push_expiring};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// A condition of a filter that an index finds in the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Secrets that expire soon. No other source has their order.
    Secrets(Expiring),
    /// The label at this place of the filter.
    Label(usize),
    /// The one resource of the filter.
    Grants,
    /// The name.
    Name,
    /// The state.
    State,
    /// The owners.
    Owners,
    /// All clients.
    Clients,
}

impl ClientFilter {
    /// The sources that a list may be read from; at least one.
    pub(super) fn sources(&self) -> Vec<Source> {
        if let Some(expiring) = self.expiring {
            return vec![Source::Secrets(expiring)];
        }
        let mut sources: Vec<_> = (0..self.labels.len()).map(Source::Label).collect();
        let has_one_resource = self.grant.as_ref().is_some_and(|grant| grant.resources.len() == 1);
        sources.extend(has_one_resource.then_some(Source::Grants));
        sources.extend(self.name.as_ref().map(|_| Source::Name));
        sources.extend(self.owners.as_ref().map(|_| Source::Owners));
        sources.extend(self.state.map(|_| Source::State));
        if sources.is_empty() {
            sources.push(Source::Clients);
        }
        sources
    }

    /// Appends the rows of a source after a place. The table is `t`.
    pub(super) fn push_source(&self, statement: &mut Statement, source: Source, after: &Position) {
        let place = after.client_id();
        match source {
            Source::Secrets(expiring) => {
                push_expiring(statement, expiring, after);
                return;
            }
            Source::Label(index) => {
                let label = self.labels.get(index).map(|(key, value)| label_column(key, value));
                statement.push_with("FROM client_label t WHERE t.label = ?", [label.into()]);
            }
            Source::Grants => {
                let resource = self.grant.as_ref().and_then(|grant| grant.resources.first());
                let resource = resource.map(|resource| resource.as_str().to_owned());
                statement.push_with("FROM client_grant t WHERE t.resource = ?", [resource.into()]);
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
    /// The source with the fewest rows after a place, counted up to `bound`.
    pub(super) async fn client_source(
        &self,
        filter: &ClientFilter,
        after: &Position,
        bound: u32,
    ) -> Result<Source, StoreError> {
        let sources = filter.sources();
        if let [one] = sources[..] {
            return Ok(one);
        }
        let (mut best, mut fewest) = (Source::Clients, i64::MAX);
        for source in sources {
            let mut statement = Statement::default();
            statement.push("SELECT COUNT(*) FROM (SELECT 1 AS one ");
            filter.push_source(&mut statement, source, after);
            statement.push_with(" LIMIT ?) AS following", [i64::from(bound).into()]);
            let rows = self.number(&statement).await?;
            if rows < fewest {
                (best, fewest) = (source, rows);
            }
        }
        Ok(best)
    }
}
