//! Clients: the list, the creation form and the pages of a client.

pub(super) mod access;
pub(super) mod activity;
pub(super) mod changes;
pub(super) mod create;
pub(super) mod credentials;
pub(super) mod deletion;
pub(super) mod detail;
pub(super) mod edit;
pub(super) mod edit_fields;
pub(super) mod grants;
pub(super) mod keys;
pub(super) mod list;
pub(super) mod new_secret;
pub(super) mod trust_kinds;
pub(super) mod trusts;
pub(super) mod try_it;
