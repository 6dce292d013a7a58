//! How to fix what a command or a server met when it started, in words for its operator.

use crate::services::StartError;
use crate::store::StoreError;
use crate::store::schema::SchemaError;

/// How to fix a failure of the database, if that is known.
pub(super) fn of_store(error: &StoreError) -> Option<String> {
    match error {
        error if error.is_read_only() => Some(
            "This process may not write to the database. Run the command as the user that owns the \
             files, or give the files and their folder to the user that runs tokend."
                .to_owned(),
        ),
        error if error.is_disk_full() => Some(
            "The disk of the database is full. Free space on it, and run the command again.".to_owned(),
        ),
        StoreError::TimedOut(_) | StoreError::Failed(_) | StoreError::Unreachable { .. } => {
            Some("Check `database.url` (tokend config show) and that the database runs.".to_owned())
        }
        StoreError::Unopenable { path, owner: Some((owner, process)), .. } => Some(format!(
            "{} belongs to {owner}, this process runs as {process}. Run the command as {owner}, or \
             give {process} the files: chown -R {process} {}",
            path.display(),
            path.parent().unwrap_or(path).display()
        )),
        StoreError::Unopenable { .. } => Some(FOLDER.to_owned()),
        StoreError::Damaged { .. } => Some(
            "Check `data_dir` and `database.url` (tokend config show). If it is the right file, \
             restore it from a backup."
                .to_owned(),
        ),
        StoreError::OutcomeUnknown(_) => Some(
            "It is not known whether the change was made. `tokend audit list` shows it if it was."
                .to_owned(),
        ),
        StoreError::InUse => Some("Stop every tokend on this database, then try again.".to_owned()),
        _ => None,
    }
}

const FOLDER: &str =
    "tokend needs a folder that it may write to: give it this one, or set TOKEND_DATA_DIR.";

/// How to fix what a start met, if that is known.
pub(super) fn of_start(error: &StartError) -> Option<String> {
    let text = match error {
        StartError::Store(error) => return of_store(error),
        StartError::Schema(schema) => return of_schema(schema),
        StartError::NoDatabase { .. } => {
            "Point the command at the database of your server with TOKEND_DATA_DIR, \
             TOKEND_DATABASE_URL or --config. To create a database here: tokend migrate, or tokend \
             serve."
        }
        StartError::NoMasterKey => {
            "Make one with `openssl rand -base64 32`, keep it safe, and give it as \
             TOKEND_MASTER_KEY or TOKEND_MASTER_KEY_FILE to every instance."
        }
        StartError::NoMasterKeyYet { .. } => {
            "Start the server once (tokend serve): it generates the master key. Or set \
             TOKEND_MASTER_KEY_FILE."
        }
        StartError::MasterKeyMissing { .. } => {
            "Restore the master key from your backup. If it is lost for ever: tokend master-key \
             reset --lost makes new keys; clients and secrets stay."
        }
        StartError::WrongMasterKey { .. } => {
            "Give the key that the database was sealed with, or both, the new one first, as \
             `new,old`. If it is lost for ever: tokend master-key reset --lost makes new keys; \
             clients and secrets stay."
        }
        StartError::MasterKeyFile { .. } => {
            "The file must hold 32 bytes in base64 or hex, and this process must be able to read \
             it. Restore it from your backup, or set TOKEND_DATA_DIR."
        }
        StartError::Fetch(_) | StartError::Certificate(_) | StartError::Crypto(_) => return None,
    };
    Some(text.to_owned())
}

fn of_schema(error: &SchemaError) -> Option<String> {
    match error {
        SchemaError::Empty => Some("Run tokend migrate.".to_owned()),
        SchemaError::Newer { .. } => Some("Run that version of tokend, or a newer one.".to_owned()),
        SchemaError::Store(error) => of_store(error),
        SchemaError::Behind { .. } | SchemaError::Altered(_) => None,
    }
}
