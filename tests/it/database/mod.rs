//! The database: stored rows, schemas, backups, and outages.

pub(crate) mod backup;
mod backup_page;
mod backup_under_load;
mod damage;
mod damaged_rows;
#[cfg(target_os = "linux")]
mod disk_full;
pub(crate) mod outage;
mod outage_start;
mod readiness;
mod released_schemas;
mod restored_revocations;
mod schema_constraints;
mod search_rows;
mod stored_rows;
mod unknown_outcome;
