//! Pages of a list of clients. Conditions without an index are looked at in bounded steps.

use std::collections::BTreeSet;

use crate::store::client_list::{ClientFilter, Position, PositionRow};
use crate::store::client_source::Source;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// How many rows one page looks at. A condition that no index finds returns short pages instead of
/// looking at all clients at once.
const MAX_LOOKED_AT: u32 = 20_000;

/// A page of a list.
#[derive(Debug, Default)]
pub struct ClientPage {
    /// The clients. A page may be short, or empty, although others follow.
    pub positions: Vec<Position>,
    /// The place after which the next page begins; `None` at the end of the list.
    pub next: Option<Position>,
}

impl ClientFilter {
    /// The statement that finds the clients of a page, if one condition has an index.
    pub fn page(&self, after: &Position, limit: u32) -> Statement {
        self.page_of(self.sources()[0], after, limit)
    }

    /// The statement that finds the clients of a page among the next [`MAX_LOOKED_AT`] rows of a
    /// source.
    fn page_of(&self, source: Source, after: &Position, limit: u32) -> Statement {
        let mut statement = Statement::default();
        if self.is_all_of(source) {
            self.push_listed(&mut statement, source, after, [limit, 0]);
            return statement;
        }
        statement.push("SELECT t.client_id, t.expires_at, t.secret_id ");
        self.push_step(&mut statement, source, after);
        self.push_order(&mut statement);
        statement.push_with(" LIMIT ?", [i64::from(limit).into()]);
        statement
    }

    /// Appends the next [`MAX_LOOKED_AT`] rows of a source, and the conditions on them.
    fn push_step(&self, statement: &mut Statement, source: Source, after: &Position) {
        statement.push("FROM (");
        self.push_listed(statement, source, after, [MAX_LOOKED_AT, 0]);
        // A cross join keeps the order of the tables: first these rows, then the client of each.
        statement.push(") AS t CROSS JOIN client c WHERE c.client_id = t.client_id");
        self.push_rest(statement, source);
    }

    /// The statement for the last row that [`Self::page_of`] looks at, if others may follow.
    fn end_of_step(&self, source: Source, after: &Position) -> Statement {
        let mut statement = Statement::default();
        self.push_listed(&mut statement, source, after, [1, MAX_LOOKED_AT - 1]);
        statement
    }

    /// The statement for the number of clients after a place, up to `bound`.
    fn count(&self, source: Source, after: &Position, bound: u32) -> Statement {
        let mut statement = Statement::default();
        statement.push("SELECT COUNT(*) FROM (SELECT 1 AS one ");
        if self.is_all_of(source) {
            self.push_source(&mut statement, source, after);
        } else {
            self.push_step(&mut statement, source, after);
        }
        statement.push_with(" LIMIT ?) AS following", [i64::from(bound).into()]);
        statement
    }
}

impl Store {
    /// At most `limit` clients of a list after a place, in the order of the list.
    pub async fn client_page(
        &self,
        filter: &ClientFilter,
        after: &Position,
        limit: u32,
    ) -> Result<ClientPage, StoreError> {
        if filter.owners.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(ClientPage::default());
        }
        let source = self.client_source(filter, after, MAX_LOOKED_AT).await?;
        let positions = self.positions(&filter.page_of(source, after, limit)).await?;
        let next = if positions.len() == limit as usize {
            positions.last().cloned()
        } else if filter.is_all_of(source) {
            None
        } else {
            self.positions(&filter.end_of_step(source, after)).await?.pop()
        };
        Ok(ClientPage { positions, next })
    }

    /// How many clients of a list come after a place, counted up to `bound`; `None` if more rows
    /// would have to be looked at than one page looks at.
    pub async fn count_clients(
        &self,
        filter: &ClientFilter,
        after: &Position,
        bound: u32,
    ) -> Result<Option<i64>, StoreError> {
        if filter.owners.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(Some(0));
        }
        let source = self.client_source(filter, after, MAX_LOOKED_AT).await?;
        let statement = filter.count(source, after, bound);
        let count = self.number(&statement).await?;
        let is_whole = count >= i64::from(bound)
            || filter.is_all_of(source)
            || self.positions(&filter.end_of_step(source, after)).await?.is_empty();
        Ok(is_whole.then_some(count))
    }

    async fn positions(&self, statement: &Statement) -> Result<Vec<Position>, StoreError> {
        let rows = self.read().rows::<PositionRow>(statement).await?;
        Ok(rows.into_iter().map(Position::from).collect())
    }
}
