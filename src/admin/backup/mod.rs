//! Backups: the whole database in one sealed file, which either engine restores.
//!
//! [`create`] reads one state of a running database, [`verify`] checks a file, and [`restore`]
//! loads it into an empty database. All three process rows in pages, so memory use does not depend
//! on the size of the database.

mod archive;
mod check;
pub mod create;
mod error;
pub mod restore;
mod restored_rights;
pub mod schedule;

pub use crate::admin::backup::check::{Summary, manifest, master_key, verify};
pub use crate::admin::backup::error::BackupError;
pub use crate::admin::backup::restored_rights::{EndedRights, RestoredSecret, RightsToEnd};
