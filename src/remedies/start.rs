//! Remedies for errors that prevent the start of a process.

use crate::remedies::of_store;
use crate::services::StartError;
use crate::store::schema::SchemaError;

pub(super) const RESTORE_MASTER_KEY: &str = "Restore the master key from your backup. If it is lost: tokend master-key reset --lost makes \
     new keys; clients and secrets stay.";

pub(super) const SET_SEALING_KEY: &str = "Give the key that the database was sealed with, or both, the new one first, as `new,old`, and \
     then run tokend master-key rotate. If it is lost: tokend master-key reset --lost makes new \
     keys; clients and secrets stay.";

/// Returns how to fix an error at startup, if a remedy is known.
pub fn of_start(error: &StartError) -> Option<String> {
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
        StartError::MasterKeyMissing { .. } => RESTORE_MASTER_KEY,
        StartError::WrongMasterKey { .. } => SET_SEALING_KEY,
        StartError::MasterKeyCommand { problem, .. } if problem.is_transient() => {
            "Run the command by hand as the user of tokend; it must print the keys and end with 0. \
             A longer time: master_key_command_timeout."
        }
        StartError::MasterKeyCommand { .. } => {
            "Check master_key_command (tokend config show): the program first, then its arguments. \
             It prints the keys as master_key has them, and nothing else."
        }
        StartError::MasterKeyFile { .. } => {
            "The file must contain 32 bytes in base64 or hex, and this process must be able to \
             read it. Restore it from your backup, or set TOKEND_DATA_DIR."
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
        SchemaError::Behind { .. } => Some(
            "To migrate it, run `tokend migrate`, or start a server of this version with \
             database.migrate = auto."
                .to_owned(),
        ),
        SchemaError::Altered(_) => None,
    }
}
