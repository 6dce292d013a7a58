//! Searching clients for a part of their id or name, in bounded steps.

use crate::store::client_list::{ClientFilter, Position};
use crate::store::statement::Statement;

/// How many clients one page of a search looks at. A part of a text has no index, so that a search
/// for a rare text returns short pages instead of looking at all clients at once.
const MAX_SEARCHED: u32 = 50_000;

impl ClientFilter {
    /// The statement that searches the next [`MAX_SEARCHED`] clients of the list for a text.
    pub(super) fn search_page(&self, text: &str, after: &Position, limit: u32) -> Statement {
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
    pub(super) fn search_end(&self, after: &Position) -> Statement {
        let mut statement = Statement::default();
        self.push_page(&mut statement, after, 1, MAX_SEARCHED - 1);
        statement
    }
}
