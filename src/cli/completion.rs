//! `tokend completion`: completion scripts for shells.

use clap::Args;
use clap_complete::Shell;

use crate::cli::error::CliError;
use crate::cli::output;

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    shell: Shell,
}

/// Runs `tokend completion`.
pub(crate) fn run(args: &CompletionArgs) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::parser(), "tokend", &mut script);
    output::text(&script)
}
