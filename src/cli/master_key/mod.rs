//! `tokend master-key`: manages the key that seals the keys in the database.

mod reset;
mod rotate;
mod status;

use clap::Subcommand;

use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::master_key::reset::ResetArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum MasterKeyCommand {
    /// Count what is sealed under each master key, and show which keys the running instances have
    Status,
    /// Seal everything in the database under the first master key of the list, while servers run
    Rotate,
    /// Continue after the master key was lost: new signing keys; clients and secrets stay
    Reset(ResetArgs),
}

/// Runs `tokend master-key`.
pub(crate) async fn run(global: &Global, command: &MasterKeyCommand) -> Result<(), CliError> {
    match command {
        MasterKeyCommand::Status => status::run(global).await,
        MasterKeyCommand::Rotate => rotate::run(global).await,
        MasterKeyCommand::Reset(args) => reset::run(global, args).await,
    }
}
