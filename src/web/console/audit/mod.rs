//! The audit log: the list of events and its export.

pub(super) mod export;
pub(super) mod list;
