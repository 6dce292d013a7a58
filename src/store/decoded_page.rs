//! A page of a list whose rows are decoded one by one, so that an unreadable row does not hide the
//! others.

use crate::store::StoreError;

/// A part of a list. `P` is the position type of the list.
#[derive(Debug)]
pub struct DecodedPage<T, P> {
    /// The objects that were decoded.
    pub readable: Vec<T>,
    /// The identifiers of the other objects, and why they cannot be decoded.
    pub unreadable: Vec<(String, StoreError)>,
    /// The position of the last object, if more may follow.
    pub next: Option<P>,
}

impl<T, P> DecodedPage<T, P> {
    /// Decodes the rows of a statement with this limit. `key` returns the identifier and the
    /// position of a row.
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
