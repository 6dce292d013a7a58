//! Signing keys: the list on a line of time, and their changes.

pub(super) mod changes;
pub(super) mod list;
