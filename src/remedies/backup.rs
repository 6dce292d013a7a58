//! Remedies for failures of a backup or a restore.

use crate::admin::backup::BackupError;
use crate::store::StoreError;
use crate::store::backup::loading::LoadingError;

/// Returns how to fix a failure of a backup, if a remedy is known.
pub fn of_backup(error: &BackupError) -> Option<&'static str> {
    match error {
        BackupError::Exists { .. } => Some("Choose another name, or move the file away."),
        BackupError::NotABackup { .. } => {
            Some("Give a file that `tokend backup create` has written.")
        }
        BackupError::NewerFormat { .. } | BackupError::UnknownSchema { .. } => {
            Some("Restore it with the version of tokend that made it, or a newer one.")
        }
        BackupError::Damaged { .. } => Some(
            "It was changed or cut after it had been written. Use another copy of it, or an older \
             backup.",
        ),
        BackupError::MasterKey { .. } => Some(
            "Set the master key of the server that made the backup: TOKEND_MASTER_KEY_FILE, or the \
             file master.key in data_dir.",
        ),
        BackupError::Loading(LoadingError::NotEmpty { .. }) => Some(
            "Nothing was changed. With SQLite, move the database file away, or set TOKEND_DATA_DIR \
             to a new directory that has the master key. With Postgres, set TOKEND_DATABASE_URL to \
             a new database.",
        ),
        BackupError::Loading(LoadingError::Store(StoreError::InUse)) => {
            Some("Stop every tokend on this database, then try again.")
        }
        _ => None,
    }
}
