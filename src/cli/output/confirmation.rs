//! Confirmation before a loss that cannot be undone.

use std::io::{self, IsTerminal, Write};

use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::remedies::command::CommandRemedy;
use crate::text::escaping;

/// Prints the losses on standard error, and asks for confirmation at a terminal. Without a
/// terminal, `--yes` is required.
pub(in crate::cli) fn confirm(
    question: &str,
    losses: &[String],
    yes: bool,
) -> Result<(), CliError> {
    for loss in losses {
        output::hint(&escaping::escape(loss));
    }
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "this command cannot be undone, and it asks only at a terminal",
        )
        .with_remedy(CommandRemedy::Confirm));
    }
    write!(io::stderr(), "{} [y/N] ", escaping::escape_lines(question))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(CliError::failed("not confirmed: nothing was changed"))
    }
}
