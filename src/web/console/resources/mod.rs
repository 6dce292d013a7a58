//! Resources: the list with a form for a new one, and the pages of one.

pub(super) mod deletion;
pub(super) mod detail;
pub(super) mod edit;
pub(super) mod list;
