//! A page of a list whose rows are decoded one by one: a row that cannot be read does not hold up the
//! others.

use crate::store::StoreError;

/// Some objects of a list. `P` is a place in the order of the list.
#[derive(Debug)]
pub struct DecodedPage<T, P> {
    /// Those that can be read.
    pub readable: Vec<T>,
    /// The others: the identifier, and why it cannot be read.
    pub unreadable: Vec<(String, StoreError)>,
    /// The place of the last one, if others may follow.
    pub next: Option<P>,
}

impl<T, P> DecodedPage<T, P> {
    /// Decodes the rows of a statement with this limit. `key` gives the identifier and the place of
    /// a row.
    pub(super) fn of<R>(
        rows: Vec<R>,
        limit: u32,
        key: impl Fn(&R) -> (String, P),
        decode: impl Fn(R) -> Result<T, StoreError>,
    ) -> Self {
        let is_full = rows.len() == limit as usize;
        let mut page = Self { readable: Vec::new(), unreadable: Vec::new(), next: None };
        for row in rows {
            let (id, place) = key(&row);
            page.next = is_full.then_some(place);
            match decode(row) {
                Ok(object) => page.readable.push(object),
                Err(problem) => page.unreadable.push((id, problem)),
            }
        }
        page
    }
}
