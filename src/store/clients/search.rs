//! Finds clients by a part of their id or name. Each row of the table `client_search` contains the
//! texts of several clients, so a search can read all rows within the timeout of a command.
//! Database triggers maintain the table.

use std::collections::BTreeSet;

use crate::store::clients::list::{ClientFilter, Position};
use crate::store::clients::page::{ClientIdPage, IN_ORDER_OF_C};
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// The number of matching rows to read first. The number doubles with each step.
const FIRST_STEP: u32 = 16;

/// The maximum number of matching rows per step.
const MAX_STEP: u32 = 512;

/// The maximum number of matching rows per page. A row contains about twenty clients.
const MAX_LOOKED_AT: u32 = 1_500;

named_row! {
    /// A row of `client_search`, and the search text as the database lower-cases it.
    struct TextsRow {
        first_id: String,
        texts: String,
        needle: String,
    }
}

impl TextsRow {
    /// Returns the ids of the clients whose lines contain the text.
    fn matches(&self) -> impl Iterator<Item = &str> {
        self.texts.lines().filter_map(|line| {
            // Neither ids nor names contain a tab.
            let mut parts = line.split('\t');
            let (lower_id, lower_name) = (parts.next()?, parts.next()?);
            let has_text = lower_id.contains(&self.needle) || lower_name.contains(&self.needle);
            has_text.then(|| parts.next().unwrap_or(lower_id))
        })
    }
}

impl Store {
    /// Returns a page of the clients that match a search, in the order of ids.
    pub(super) async fn searched_page(
        &self,
        filter: &ClientFilter,
        after: &Position,
        limit: u32,
    ) -> Result<ClientIdPage, StoreError> {
        let mut positions: Vec<Position> = Vec::new();
        let (mut step, mut looked_at, mut last) = (FIRST_STEP, 0, None::<String>);
        loop {
            let rows = self.rows_with(filter, after, last.as_deref(), step).await?;
            let left = (limit as usize).saturating_sub(positions.len());
            positions.extend(self.matching(filter, &rows, after, left).await?);
            if positions.len() >= limit as usize {
                return Ok(ClientIdPage { next: positions.last().cloned(), positions });
            }
            looked_at += step;
            match rows.into_iter().next_back() {
                Some(row) if looked_at >= MAX_LOOKED_AT => {
                    let next = self.last_client_of(&row.first_id, after).await?;
                    if next.is_some() {
                        return Ok(ClientIdPage { positions, next });
                    }
                    last = Some(row.first_id);
                }
                Some(row) => last = Some(row.first_id),
                None => return Ok(ClientIdPage { positions, next: None }),
            }
            step = (step * 2).min(MAX_STEP);
        }
    }

    /// True if most of the next clients contain the search text.
    pub(super) async fn is_in_most(
        &self,
        filter: &ClientFilter,
        after: &Position,
    ) -> Result<bool, StoreError> {
        let rows = self.rows_with(filter, after, None, FIRST_STEP).await?;
        let lines: usize = rows.iter().map(|row| row.texts.lines().count()).sum();
        let matches: usize = rows.iter().map(|row| row.matches().count()).sum();
        Ok(rows.len() == FIRST_STEP as usize && matches * 2 > lines)
    }

    /// Returns the next rows that contain the text: after the row `last`, or else starting with the
    /// row of the client `after`.
    async fn rows_with(
        &self,
        filter: &ClientFilter,
        after: &Position,
        last: Option<&str>,
        limit: u32,
    ) -> Result<Vec<TextsRow>, StoreError> {
        let text = filter.search.as_deref().unwrap_or_default();
        let mut statement = Statement::default();
        statement.push_with(
            "SELECT s.first_id, s.texts, lower(?) AS needle FROM client_search s WHERE ",
            [text.into()],
        );
        match last {
            Some(last) => statement.push_with("s.first_id > ?", [last.into()]),
            None => statement.push_with(
                "s.first_id >= (SELECT MAX(f.first_id) FROM client_search f WHERE f.first_id <= ?)",
                [after.client_id().into()],
            ),
        };
        statement.push_with(
            " AND s.texts LIKE '%' || lower(?) || '%' ESCAPE '!' ORDER BY s.first_id LIMIT ?",
            [escaped(text).into(), i64::from(limit).into()],
        );
        self.read().rows(&statement).await
    }

    /// Returns the clients among the matching lines that also match the rest of the filter.
    async fn matching(
        &self,
        filter: &ClientFilter,
        rows: &[TextsRow],
        after: &Position,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError> {
        let ids: BTreeSet<&str> = rows.iter().flat_map(TextsRow::matches).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::default();
        statement.push(IN_ORDER_OF_C).push("FROM (VALUES ");
        for (number, id) in ids.into_iter().enumerate() {
            statement.push(if number == 0 { "" } else { ", " }).push_with("(?)", [id.into()]);
        }
        statement.push_with(
            ") AS v CROSS JOIN client c WHERE c.client_id = v.column1 AND c.client_id > ?",
            [after.client_id().into()],
        );
        filter.push_rest(&mut statement, None);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        statement.push_with(" ORDER BY c.client_id LIMIT ?", [limit.into()]);
        self.positions(&statement).await
    }

    /// Returns the position of the last client after `after` and before the row that follows
    /// `first_id`.
    async fn last_client_of(
        &self,
        first_id: &str,
        after: &Position,
    ) -> Result<Option<Position>, StoreError> {
        let mut statement = Statement::default();
        statement.push(IN_ORDER_OF_C).push_with(
            "FROM client c
            WHERE c.client_id > ?
                AND c.client_id < (
                    SELECT MIN(s.first_id) FROM client_search s WHERE s.first_id > ?)
            ORDER BY c.client_id DESC
            LIMIT 1",
            [after.client_id().into(), first_id.into()],
        );
        Ok(self.positions(&statement).await?.pop())
    }
}

/// Escapes a text for a LIKE pattern.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            escaped.push('!');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_of_a_like_pattern_are_escaped() {
        assert_eq!(escaped("50%_a!b"), "50!%!_a!!b");
    }

    #[test]
    fn a_match_returns_the_original_spelling_of_the_id() {
        let row = |needle: &str| TextsRow {
            first_id: String::new(),
            texts: "a-1\tone\nbig-2\ttwo\tBig-2\nlong-id\tname\n".to_owned(),
            needle: needle.to_owned(),
        };
        let matches = |needle: &str| row(needle).matches().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(matches("-"), ["a-1", "Big-2", "long-id"]);
        assert_eq!(matches("two"), ["Big-2"]);
        // A match cannot span id and name, and the original spelling of the id is not searched.
        assert!(matches("1o").is_empty() && matches("B").is_empty());
    }
}
