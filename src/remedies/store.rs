//! Remedies for failures of the database.

use crate::store::StoreError;

/// Returns how to fix a failure of the database, if a remedy is known.
pub fn of_store(error: &StoreError) -> Option<String> {
    match error {
        error if error.is_read_only() => Some(
            "This process may not write to the database. Run the command as the user that owns \
             the files, or give the files and their directory to the user that runs tokend."
                .to_owned(),
        ),
        error if error.is_disk_full() => Some(
            "The disk of the database is full. Free space on it, and run the command \
             again."
                .to_owned(),
        ),
        StoreError::TimedOut(_)
        | StoreError::Failed(_)
        | StoreError::Unreachable { .. }
        | StoreError::NotIdentified => Some(CHECK_DATABASE.to_owned()),
        StoreError::Unopenable { path, owner: Some((owner, process)), .. } => Some(format!(
            "{} belongs to {owner}, this process runs as {process}. Run the command as {owner}, or \
             give {process} the files: chown -R {process} {}",
            path.display(),
            path.parent().unwrap_or(path).display()
        )),
        StoreError::Unopenable { .. } => Some(FOLDER.to_owned()),
        StoreError::Damaged { .. } => Some(CHECK_DATABASE_FILE.to_owned()),
        StoreError::OutcomeUnknown(_) => Some(
            "It is not known whether the change was made. `tokend audit list` shows it if it was."
                .to_owned(),
        ),
        StoreError::InUse => Some("Stop every tokend on this database, then try again.".to_owned()),
        _ => None,
    }
}

pub(super) const CHECK_DATABASE: &str =
    "Check `database.url` (tokend config show) and that the database runs.";

pub(super) const CHECK_DATABASE_FILE: &str = "Check `data_dir` and `database.url` (tokend config show). If it is the right file, restore it \
     from a backup.";

const FOLDER: &str =
    "tokend needs a directory that it may write to: give it this one, or set TOKEND_DATA_DIR.";
