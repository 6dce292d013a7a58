//! The overview: the page, and the traffic that it shows.

pub(super) mod page;
pub(super) mod traffic;
