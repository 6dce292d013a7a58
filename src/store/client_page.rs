//! Pages of a list of clients. Conditions without an index are looked at in bounded steps.

use std::collections::BTreeSet;

use crate::store::client_list::{ClientFilter, Position, PositionRow, push_expiring};
use crate::store::client_source::{Plan, Source};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// How many clients one page looks at in the order of ids: an index holds what lists choose by. A
/// list that matches few of them returns short pages instead of looking at all clients at once.
const MAX_CLIENTS_LOOKED_AT: u32 = 100_000;

/// How many secrets one page looks at.
const MAX_SECRETS_LOOKED_AT: u32 = 20_000;

/// The columns of a place in the order of the ids of clients, of rows `t`.
const IN_ORDER_OF_T: &str =
    "SELECT t.client_id, CAST(0 AS BIGINT) AS expires_at, '' AS secret_id ";

/// The same of rows `c`.
pub(super) const IN_ORDER_OF_C: &str =
    "SELECT c.client_id, CAST(0 AS BIGINT) AS expires_at, '' AS secret_id ";

/// A page of a list.
#[derive(Debug, Default)]
pub struct ClientPage {
    /// The clients. A page may be short, or empty, although others follow.
    pub positions: Vec<Position>,
    /// The place after which the next page begins; `None` at the end of the list.
    pub next: Option<Position>,
}

impl ClientFilter {
    /// The statement that finds the clients of a page, if at most one condition has an index and
    /// there is no other one.
    pub fn page(&self, after: &Position, limit: u32) -> Statement {
        let source = self.sources().pop().unwrap_or(Source::Clients);
        let plan = if self.expiring.is_some() { Plan::Walk } else { Plan::Whole(source) };
        self.page_of(&plan, after, limit)
    }

    /// The statement that finds the clients of a page.
    fn page_of(&self, plan: &Plan, after: &Position, limit: u32) -> Statement {
        let mut statement = Statement::default();
        let (columns, order) = match (self.expiring, plan) {
            (Some(_), _) => {
                ("SELECT t.client_id, t.expires_at, t.secret_id ", " ORDER BY t.expires_at, t.secret_id")
            }
            (None, Plan::Whole(_) | Plan::Few(_)) => (IN_ORDER_OF_T, " ORDER BY t.client_id"),
            (None, Plan::Search | Plan::Walk) => (IN_ORDER_OF_C, " ORDER BY c.client_id"),
        };
        statement.push(columns);
        self.push_rows(&mut statement, plan, after, Some(limit));
        statement.push(order).push_with(" LIMIT ?", [i64::from(limit).into()]);
        statement
    }

    /// Appends the rows of the list after a place. A cross join keeps the order of its tables.
    fn push_rows(
        &self,
        statement: &mut Statement,
        plan: &Plan,
        after: &Position,
        limit: Option<u32>,
    ) {
        match (plan, self.expiring) {
            (Plan::Whole(source), _) => {
                self.push_source(statement, source, after.client_id(), limit);
            }
            (Plan::Few(source), None) => {
                statement.push("FROM (SELECT t.client_id ");
                self.push_source(statement, source, after.client_id(), None);
                statement.push(") AS t CROSS JOIN client c WHERE c.client_id = t.client_id");
                self.push_rest(statement, Some(source));
            }
            (Plan::Few(source), Some(expiring)) => {
                statement.push("FROM (SELECT t.client_id ");
                self.push_source(statement, source, "", None);
                statement.push(
                    ") AS s CROSS JOIN client_secret t CROSS JOIN client c
                    WHERE t.client_id = s.client_id AND c.client_id = t.client_id AND ",
                );
                push_expiring(statement, expiring, after);
                self.push_rest(statement, Some(source));
            }
            (Plan::Search | Plan::Walk, None) => {
                statement.push("FROM (");
                self.push_walk(statement, after, [MAX_CLIENTS_LOOKED_AT, 0]);
                statement.push(") AS c WHERE 1 = 1");
                self.push_rest(statement, None);
            }
            (Plan::Search | Plan::Walk, Some(_)) => {
                statement.push("FROM (");
                self.push_walk(statement, after, [MAX_SECRETS_LOOKED_AT, 0]);
                statement.push(") AS t CROSS JOIN client c WHERE c.client_id = t.client_id");
                self.push_rest(statement, None);
            }
        }
    }

    /// Appends the rows that a walk looks at after a place and `offset` others.
    fn push_walk(&self, statement: &mut Statement, after: &Position, [limit, offset]: [u32; 2]) {
        match self.expiring {
            Some(expiring) => {
                statement.push(
                    "SELECT t.client_id, t.expires_at, t.secret_id FROM client_secret t WHERE ",
                );
                push_expiring(statement, expiring, after);
                statement.push(" ORDER BY t.expires_at, t.secret_id");
            }
            None => {
                statement.push("SELECT t.client_id, t.active_at, t.created_at, t.state, t.owner");
                if self.name.is_some() || self.search.is_some() {
                    // The index `client_walk` does not hold it.
                    statement.push(", t.name");
                }
                statement.push_with(
                    " FROM client t WHERE t.client_id > ? ORDER BY t.client_id",
                    [after.client_id().into()],
                );
            }
        }
        let bounds = [i64::from(limit).into(), i64::from(offset).into()];
        statement.push_with(" LIMIT ? OFFSET ?", bounds);
    }

    /// The statement for the last row that a walk looks at, if others may follow.
    fn end_of_walk(&self, after: &Position) -> Statement {
        let mut statement = Statement::default();
        let (columns, looked_at) = match self.expiring {
            Some(_) => ("SELECT t.client_id, t.expires_at, t.secret_id ", MAX_SECRETS_LOOKED_AT),
            None => (IN_ORDER_OF_T, MAX_CLIENTS_LOOKED_AT),
        };
        statement.push(columns).push("FROM (");
        self.push_walk(&mut statement, after, [1, looked_at - 1]);
        statement.push(") AS t");
        statement
    }

    /// The statement for the number of clients after a place, up to `bound`.
    fn count(&self, plan: &Plan, after: &Position, bound: u32) -> Statement {
        let mut statement = Statement::default();
        statement.push("SELECT COUNT(*) FROM (SELECT 1 AS one ");
        self.push_rows(&mut statement, plan, after, Some(bound));
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
        let plan = self.client_plan(filter, after).await?;
        if plan == Plan::Search {
            return self.searched_page(filter, after, limit).await;
        }
        let positions = self.positions(&filter.page_of(&plan, after, limit)).await?;
        let next = if positions.len() == limit as usize {
            positions.last().cloned()
        } else if plan == Plan::Walk {
            self.positions(&filter.end_of_walk(after)).await?.pop()
        } else {
            None
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
        let plan = self.client_plan(filter, after).await?;
        let count = self.number(&filter.count(&plan, after, bound)).await?;
        let is_whole = count >= i64::from(bound)
            || !matches!(plan, Plan::Search | Plan::Walk)
            || self.positions(&filter.end_of_walk(after)).await?.is_empty();
        Ok(is_whole.then_some(count))
    }

    pub(super) async fn positions(
        &self,
        statement: &Statement,
    ) -> Result<Vec<Position>, StoreError> {
        let rows = self.read().rows::<PositionRow>(statement).await?;
        Ok(rows.into_iter().map(Position::from).collect())
    }
}
