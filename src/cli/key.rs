//! `tokend key`: the keys that tokens are signed with.

use clap::Subcommand;

use crate::admin::signing_key;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the signing keys and their states
    List,
}

/// Runs `tokend key`.
pub(crate) async fn run(global: &Global, command: &KeyCommand) -> Result<(), CliError> {
    let KeyCommand::List = command;
    let reader = global.reader().await?;
    let now = reader.clock.now();
    let keys = signing_key::list(&reader.store, now, reader.config.keep_seconds()).await?;
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
