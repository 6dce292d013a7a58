//! `tokend completion`: completion scripts for shells.
//!
//! A script has two parts. The first is self-contained: commands, options and known values. The
//! second replaces it if the shell can run tokend, which also completes ids.

use clap::{Args, ValueEnum};
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};

use crate::cli::error::CliError;
use crate::cli::output;

/// The variable with which the shell asks this program for candidates.
const VARIABLE: &str = "_TOKEND_COMPLETE";

const PROGRAM: &str = "tokend";

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    shell: Shell,
}

/// Answers a completion request of the shell and ends the process; otherwise does nothing.
pub(crate) fn answer_shell() {
    CompleteEnv::with_factory(crate::cli::parser).var(VARIABLE).bin(PROGRAM).complete();
}

/// Runs `tokend completion`.
pub(crate) fn run(args: &CompletionArgs) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::parser(), PROGRAM, &mut script);
    let name = args.shell.to_possible_value().map(|value| value.get_name().to_owned());
    if let Some(shell) = Shells::builtins().completer(name.as_deref().unwrap_or_default()) {
        shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    }
    output::text(&script)
}
