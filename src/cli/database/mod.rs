//! Commands about the database as a whole: its schema, and backups of it.

pub(super) mod backup;
pub(super) mod migrate;
pub(super) mod restore;
