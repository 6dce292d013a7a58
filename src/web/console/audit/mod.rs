//! The audit log: the list of events, and the file of them.

pub(super) mod export;
pub(super) mod list;
