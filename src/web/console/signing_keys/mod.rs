//! Signing keys: the timeline and its changes.

pub(super) mod changes;
pub(super) mod list;
