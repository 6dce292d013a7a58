//! `tokend master-key reset`: discards the keys that a lost master key sealed.

use std::io::IsTerminal;

use clap::Args;
use serde_json::json;

use crate::admin::master_key::{self, Reset};
use crate::cli::error::CliError;
use crate::cli::{Global, output};
use crate::config::{Config, Location, Requirement};
use crate::model::time::Clock;
use crate::services::StartError;
use crate::services::opening::open_existing;
use crate::store::engine::open::OpenMode;

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// Confirm that the master key is lost: everything that it sealed is lost as well
    #[arg(long, required = true)]
    lost: bool,
    /// Skip the confirmation; required without a terminal
    #[arg(long)]
    yes: bool,
}

/// Runs `tokend master-key reset`.
pub(super) async fn run(global: &Global, args: &ResetArgs) -> Result<(), CliError> {
    if !args.yes && !std::io::stdin().is_terminal() {
        return Err(CliError::usage("without a terminal, a reset of the master key needs --yes"));
    }
    let clock = Clock::System;
    let config = global.config(Requirement::Nothing)?;
    require_new_key(&config)?;
    let store = open_existing(&config, OpenMode::Exclusive).await?;
    global.close_at_end(&store);
    let lost = master_key::find_lost(&config, &store, &clock).await?;
    output::hint(&format!(
        "{} signing keys cannot be opened; {} of them stay published until the tokens that they \
         signed have expired. The next start makes new ones. Clients and secrets stay valid.",
        lost.signing_keys.len(),
        lost.published.len()
    ));
    output::confirmation::confirm("Discard what the lost master key sealed?", &[], args.yes)?;
    let Reset { lost, secrets, answers } =
        master_key::reset(&store, &clock, &global.principal()?, lost).await?;
    let value = json!({
        "reset": true, "signing_keys": lost.signing_keys, "still_published": lost.published,
        "secrets_checked_by_hash": secrets, "stored_answers_deleted": answers,
    });
    let rows = [
        ("signing keys discarded", lost.signing_keys.len().to_string()),
        ("still published", lost.published.len().to_string()),
        ("secrets checked by hash", secrets.to_string()),
        ("stored answers deleted", answers.to_string()),
        ("next", "start the server: it makes new keys".to_owned()),
    ];
    output::one(global.output, "reset", &value, &rows)
}

/// Requires a master key in the settings of a Postgres database. Otherwise a key that is only
/// missing in the environment of this command would be treated as lost. A SQLite server has its key
/// in a file.
fn require_new_key(config: &Config) -> Result<(), CliError> {
    let is_set = config.master_key.is_some() || config.master_key_command.is_some();
    match config.database.location {
        Location::Postgres(_) if !is_set => Err(StartError::NoMasterKey.into()),
        _ => Ok(()),
    }
}
