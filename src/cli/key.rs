//! `tokend key`: the keys that tokens are signed with.

use clap::Subcommand;
use serde::Serialize;

use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::model::signing_key::{Algorithm, KeyId, KeyState, state_of};
use crate::model::time::Timestamp;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the signing keys and their states
    List,
}

/// A key as it is shown; the private half never is.
#[derive(Serialize)]
struct ShownSigningKey {
    kid: KeyId,
    algorithm: Algorithm,
    state: KeyState,
    created_at: Timestamp,
    signs_from: Timestamp,
}

/// Runs `tokend key`.
pub(crate) async fn run(global: &Global, command: &KeyCommand) -> Result<(), CliError> {
    let KeyCommand::List = command;
    let reader = global.reader().await?;
    let now = reader.clock.now();
    let records = reader.store.signing_keys().await?;
    let keys: Vec<_> = records
        .iter()
        .map(|record| ShownSigningKey {
            kid: record.kid.clone(),
            algorithm: record.algorithm,
            state: state_of(record, &records, now, reader.config.keep_seconds()),
            created_at: record.created_at,
            signs_from: record.signs_from,
        })
        .collect();
    output::many(
        global.output,
        &keys,
        &["KEY", "ALGORITHM", "STATE", "CREATED", "SIGNS FROM"],
        |key| {
            vec![
                key.kid.to_string(),
                key.algorithm.as_str().to_owned(),
                key.state.as_str().to_owned(),
                output::format_time(key.created_at, now),
                output::format_time(key.signs_from, now),
            ]
        },
    )
}
