//! `tokend backup`: writes the whole database to a sealed file, or verifies one.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};
use serde_json::{Value, json};

use crate::admin::backup::{self, BackupError, Summary};
use crate::cli::error::CliError;
use crate::cli::error::codes::CliErrorCode;
use crate::cli::remedies::command::CommandRemedy;
use crate::cli::{Global, output};
use crate::config::Requirement;
use crate::model::time::Clock;
use crate::remedies::of_backup;
use crate::services::backup_keys;
use crate::services::opening::open_of_older_schema;
use crate::store::backup::loading::LoadingError;

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Write the whole database to a new file, sealed under the master key, while servers run
    Create(BackupArgs),
    /// Check a file: its seals, its rows, the chain of its events and the master key
    Verify(BackupArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
}

/// Runs `tokend backup`.
pub(crate) async fn run(global: &Global, command: &BackupCommand) -> Result<(), CliError> {
    let config = global.config(Requirement::Nothing)?;
    let (summary, file) = match command {
        BackupCommand::Create(BackupArgs { file }) => {
            let store = open_of_older_schema(&config).await?;
            global.close_at_end(&store);
            (backup::create::create(&config, &store, &Clock::System, file).await?, file)
        }
        BackupCommand::Verify(BackupArgs { file }) => {
            let keys = backup_keys::of_settings(&config).await?;
            (backup::verify(file, keys.as_ref())?, file)
        }
    };
    warn_of_unopened(&summary);
    let mut value = value_of(&summary);
    value["file"] = json!(file);
    let mut rows = vec![("backup", file.display().to_string())];
    rows.extend(rows_of(&summary));
    output::one(global.output, &summary.manifest.id, &value, &rows)
}

/// Warns of sealed keys that no configured master key can open.
pub(super) fn warn_of_unopened(summary: &Summary) {
    if !summary.unopened_keys.is_empty() {
        output::hint(&format!(
            "No master key of the settings opens these keys in the backup: {}. They were sealed \
             under another master key.",
            summary.unopened_keys.join(", ")
        ));
    }
}

pub(super) fn value_of(summary: &Summary) -> Value {
    let Summary { manifest, rows, unopened_keys } = summary;
    json!({
        "id": manifest.id, "version": manifest.version, "engine": manifest.engine,
        "schema": manifest.schema, "created_at": manifest.created_at,
        "sequence": manifest.sequence, "hash": manifest.hash,
        "master_key": manifest.master_key, "rows": rows, "unopened_keys": unopened_keys,
    })
}

pub(in crate::cli) fn rows_of(summary: &Summary) -> Vec<(&'static str, String)> {
    let Summary { manifest, rows, .. } = summary;
    let count = |table: &str| rows.get(table).copied().unwrap_or_default().to_string();
    vec![
        ("made", format!("{} of {}", manifest.created_at, manifest.engine)),
        ("schema", format!("{} of tokend {}", manifest.schema, manifest.version)),
        ("events", manifest.sequence.to_string()),
        ("clients", count("client")),
        ("secrets", count("client_secret")),
        ("resources", count("resource")),
        ("signing keys", count("signing_key")),
        ("master key", manifest.master_key.clone()),
    ]
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        let remedy = of_backup(&error);
        let text = error.to_string();
        let code = match error {
            BackupError::Start(error) => return error.into(),
            BackupError::Admin(error) => return error.into(),
            BackupError::Loading(LoadingError::Store(error)) => return error.into(),
            BackupError::Loading(LoadingError::Schema(error)) => return error.into(),
            BackupError::Loading(LoadingError::NotEmpty { .. }) => CliErrorCode::NotEmpty,
            BackupError::Exists { .. } => CliErrorCode::Conflict,
            BackupError::NotABackup { .. } | BackupError::Damaged { .. } => CliErrorCode::NotValid,
            BackupError::NewerFormat { .. } | BackupError::UnknownSchema { .. } => {
                CliErrorCode::Schema
            }
            BackupError::MasterKey { .. } => CliErrorCode::MasterKey,
            BackupError::File { .. } | BackupError::Interrupted => CliErrorCode::Failed,
        };
        let error = Self::new(code, text);
        match remedy {
            Some(remedy) => error.with_remedy(CommandRemedy::Text(remedy.to_owned())),
            None => error,
        }
    }
}
