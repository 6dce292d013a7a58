//! Pages of a list of clients. Conditions without an index are checked in steps of bounded size.

use crate::store::clients::list::{
    ClientFilter, Expiring, Position, PositionRow, Table, push_expiring, push_secrets,
};
use crate::store::clients::query_plan::{Plan, Source};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// The maximum number of clients that one page examines in the order of ids, using a covering
/// index. A list with few matches returns short pages instead of examining all clients at once.
const MAX_CLIENTS_LOOKED_AT: u32 = 100_000;

/// The maximum number of secrets that one page examines.
const MAX_SECRETS_LOOKED_AT: u32 = 20_000;

/// The columns of a [`Position`] in a list sorted by client id, from rows `t`.
const IN_ORDER_OF_T: &str = "SELECT t.client_id, CAST(0 AS BIGINT) AS expires_at, '' AS secret_id ";

/// The columns of a [`Position`] in a list sorted by expiry.
const OF_SECRETS: &str = "SELECT t.client_id, t.expires_at, t.secret_id ";

/// The columns of a [`Position`] in a list sorted by client id, from rows `c`.
pub(super) const IN_ORDER_OF_C: &str =
    "SELECT c.client_id, CAST(0 AS BIGINT) AS expires_at, '' AS secret_id ";

/// A page of a list.
#[derive(Debug, Default)]
pub struct ClientIdPage {
    /// The clients. The page may be short or even empty although other clients follow.
    pub positions: Vec<Position>,
    /// The position after which the next page starts; `None` at the end of the list.
    pub next: Option<Position>,
}

impl ClientFilter {
    /// Returns the statement that finds the clients of a page, for a filter with no condition, or
    /// with one that has an index.
    pub fn page(&self, after: &Position, limit: u32) -> Statement {
        let source = self.sources().pop().unwrap_or(Source::Clients);
        let plan = if self.expiring.is_some() { Plan::Walk } else { Plan::Whole(source) };
        self.page_of(&plan, after, None, limit)
    }

    /// Returns the statement that finds the clients of a page, up to the end of a walk.
    fn page_of(
        &self,
        plan: &Plan,
        after: &Position,
        end: Option<&Position>,
        limit: u32,
    ) -> Statement {
        let mut statement = Statement::default();
        let (columns, order) = match (self.expiring, plan) {
            (Some(_), _) => (OF_SECRETS, " ORDER BY t.expires_at, t.secret_id"),
            (None, Plan::Whole(_) | Plan::Few(_)) => (IN_ORDER_OF_T, " ORDER BY t.client_id"),
            (None, Plan::Search | Plan::Walk) => (IN_ORDER_OF_C, " ORDER BY c.client_id"),
        };
        statement.push(columns);
        self.push_rows(&mut statement, plan, after, end, limit);
        statement.push(order).push_with(" LIMIT ?", [i64::from(limit).into()]);
        statement
    }

    /// Appends the rows of the list after `after`, up to the end of a walk. Cross joins fix the
    /// order of the tables.
    fn push_rows(
        &self,
        statement: &mut Statement,
        plan: &Plan,
        after: &Position,
        end: Option<&Position>,
        limit: u32,
    ) {
        match (plan, self.expiring) {
            (Plan::Whole(source), _) => {
                self.push_source(statement, source, after.client_id(), Some(limit));
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
                push_expiring(statement, expiring, after, None, Table::Clients);
                self.push_rest(statement, Some(source));
            }
            (Plan::Search | Plan::Walk, None) => {
                let place = after.client_id().into();
                statement.push_with("FROM client c WHERE c.client_id > ?", [place]);
                if let Some(end) = end {
                    statement.push_with(" AND c.client_id <= ?", [end.client_id().into()]);
                }
                self.push_rest(statement, None);
            }
            (Plan::Search | Plan::Walk, Some(expiring)) if self.conditions() == 0 => {
                statement.push("FROM client_secret t WHERE ");
                push_expiring(statement, expiring, after, end, Table::Secrets);
            }
            (Plan::Search | Plan::Walk, Some(expiring)) => {
                statement.push("FROM client_secret t CROSS JOIN client c ");
                statement.push("WHERE c.client_id = t.client_id AND ");
                push_expiring(statement, expiring, after, end, Table::Clients);
                self.push_rest(statement, None);
            }
        }
    }

    /// Returns the statement for the last row that a walk examines, if more rows may follow. It
    /// reads only an index.
    fn end_of_walk(&self, after: &Position) -> Statement {
        let mut statement = Statement::default();
        let looked_at = if let Some(expiring) = self.expiring {
            statement.push(OF_SECRETS).push("FROM client_secret t WHERE ");
            push_secrets(&mut statement, expiring, after);
            statement.push(" ORDER BY t.expires_at, t.secret_id");
            MAX_SECRETS_LOOKED_AT
        } else {
            let place = after.client_id().into();
            statement.push(IN_ORDER_OF_T);
            statement.push_with("FROM client t WHERE t.client_id > ?", [place]);
            statement.push(" ORDER BY t.client_id");
            MAX_CLIENTS_LOOKED_AT
        };
        statement.push_with(" LIMIT 1 OFFSET ?", [i64::from(looked_at - 1).into()]);
        statement
    }

    /// Returns the statement for the last secret up to `end` at which a client is listed.
    fn last_listed(expiring: Expiring, after: &Position, end: &Position) -> Statement {
        let mut statement = Statement::default();
        statement.push(OF_SECRETS).push("FROM client_secret t WHERE ");
        push_expiring(&mut statement, expiring, after, Some(end), Table::Secrets);
        statement.push(" ORDER BY t.expires_at DESC, t.secret_id DESC LIMIT 1");
        statement
    }

    /// Returns the statement for the number of clients after a position, up to `bound`.
    fn count(
        &self,
        plan: &Plan,
        after: &Position,
        end: Option<&Position>,
        bound: u32,
    ) -> Statement {
        let mut statement = Statement::default();
        statement.push("SELECT COUNT(*) FROM (SELECT 1 AS one ");
        self.push_rows(&mut statement, plan, after, end, bound);
        statement.push_with(" LIMIT ?) AS following", [i64::from(bound).into()]);
        statement
    }

    /// True if the plan examines clients one after the other.
    fn is_walk(&self, plan: &Plan) -> bool {
        match plan {
            Plan::Whole(_) | Plan::Few(_) => false,
            Plan::Search | Plan::Walk => self.expiring.is_none() || self.conditions() > 0,
        }
    }
}

impl Store {
    /// Returns the first `limit` clients of a list after a position, in the order of the list.
    pub async fn client_page(
        &self,
        filter: &ClientFilter,
        after: &Position,
        limit: u32,
    ) -> Result<ClientIdPage, StoreError> {
        let plan = self.client_plan(filter, after).await?;
        // If most clients contain the text, the plan uses the other conditions instead.
        if plan == Plan::Search
            && (filter.conditions() == 1 || !self.is_in_most(filter, after).await?)
        {
            return self.searched_page(filter, after, limit).await;
        }
        let end = self.end_of(filter, &plan, after).await?;
        let positions = self.positions(&filter.page_of(&plan, after, end.as_ref(), limit)).await?;
        let is_full = positions.len() == limit as usize;
        let next = if is_full { positions.last().cloned() } else { end };
        Ok(ClientIdPage { positions, next })
    }

    /// Counts the clients of a list after a position, up to `bound`. `None` if the count would
    /// examine more rows than one page may.
    pub async fn count_clients(
        &self,
        filter: &ClientFilter,
        after: &Position,
        bound: u32,
    ) -> Result<Option<i64>, StoreError> {
        let plan = self.client_plan(filter, after).await?;
        let end = self.end_of(filter, &plan, after).await?;
        let count = self.number(&filter.count(&plan, after, end.as_ref(), bound)).await?;
        Ok((count >= i64::from(bound) || end.is_none()).then_some(count))
    }

    /// Returns the last row that a page of this plan examines, if more rows may follow.
    async fn end_of(
        &self,
        filter: &ClientFilter,
        plan: &Plan,
        after: &Position,
    ) -> Result<Option<Position>, StoreError> {
        if !filter.is_walk(plan) {
            return Ok(None);
        }
        let end = self.positions(&filter.end_of_walk(after)).await?.pop();
        match (end, filter.expiring) {
            (Some(end), Some(expiring)) => {
                // A cursor names a client, so the walk must end at a secret at which its client is
                // listed.
                let last = ClientFilter::last_listed(expiring, after, &end);
                Ok(self.positions(&last).await?.pop())
            }
            (end, _) => Ok(end),
        }
    }

    pub(super) async fn positions(
        &self,
        statement: &Statement,
    ) -> Result<Vec<Position>, StoreError> {
        let rows = self.read().rows::<PositionRow>(statement).await?;
        Ok(rows.into_iter().map(Position::from).collect())
    }
}
