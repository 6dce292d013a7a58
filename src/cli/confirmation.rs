//! The question before something is lost.

use std::io::{self, IsTerminal, Write};

use crate::cli::error::CliError;
use crate::model::untrusted_text;

/// Asks before something is lost, on a terminal; elsewhere the command itself is the answer.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), CliError> {
    if yes || !io::stdin().is_terminal() {
        return Ok(());
    }
    write!(io::stderr(), "{} [y/N] ", untrusted_text::escape_lines(question))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(CliError::failed("nothing was done"))
    }
}
