//! Commands for the database as a whole: schema and backups.

pub(super) mod backup;
pub(super) mod migrate;
pub(super) mod restore;
