//! Pages of a list of clients, and searching for a part of an id or a name in bounded steps.

use crate::store::client_list::{ClientFilter, Position, PositionRow};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// How many clients one page of a search looks at. A part of a text has no index, so that a search
/// for a rare text returns short pages instead of looking at all clients at once.
const MAX_SEARCHED: u32 = 50_000;

/// A page of a list.
#[derive(Debug, Default)]
pub struct ClientPage {
    /// The clients. A page of a search may be short, or empty, although others follow.
    pub positions: Vec<Position>,
    /// The place after which the next page begins; `None` at the end of the list.
    pub next: Option<Position>,
}

impl ClientFilter {
    /// The statement that searches the next [`MAX_SEARCHED`] clients of the list for a text.
    fn search_page(&self, text: &str, after: &Position, limit: u32) -> Statement {
        let mut statement = Statement::default();
        statement.push("SELECT s.client_id, s.expires_at, s.secret_id FROM (");
        self.push_page(&mut statement, after, MAX_SEARCHED, 0);
        statement.push_with(
            ") AS s JOIN client c ON c.client_id = s.client_id
            WHERE (replace(lower(c.client_id), lower(?), '') <> lower(c.client_id)
                OR replace(lower(c.name), lower(?), '') <> lower(c.name))",
            [text.into(), text.into()],
        );
        statement.push(if self.expiring.is_some() {
            " ORDER BY s.expires_at, s.secret_id"
        } else {
            " ORDER BY s.client_id"
        });
        statement.push_with(" LIMIT ?", [i64::from(limit).into()]);
        statement
    }

    /// The statement for the last client that [`Self::search_page`] looks at, if others may follow.
    fn search_end(&self, after: &Position) -> Statement {
        let mut statement = Statement::default();
        self.push_page(&mut statement, after, 1, MAX_SEARCHED - 1);
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
        let statement = match &filter.search {
            None => filter.page(after, limit),
            Some(text) => filter.search_page(text, after, limit),
        };
        let positions = self.positions(&statement).await?;
        let next = if positions.len() == limit as usize {
            positions.last().cloned()
        } else if filter.search.is_some() {
            self.positions(&filter.search_end(after)).await?.pop()
        } else {
            None
        };
        Ok(ClientPage { positions, next })
    }

    async fn positions(&self, statement: &Statement) -> Result<Vec<Position>, StoreError> {
        let rows = self.read().rows::<PositionRow>(statement).await?;
        Ok(rows.into_iter().map(Position::from).collect())
    }
}
