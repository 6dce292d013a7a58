//! The overview page and its traffic statistics.

pub(super) mod page;
pub(super) mod traffic;
