//! Reads texts from standard input, and says so at a terminal, where a command would otherwise wait
//! without a word.

use std::io::{self, IsTerminal, Read};

use crate::cli::output;

/// Reads standard input up to its end, at most `limit` bytes.
///
/// `what` names the text for a person at a terminal, such as `a token`.
pub(crate) fn read(what: &str, limit: u64) -> io::Result<String> {
    announce(what);
    let mut text = String::new();
    io::stdin().take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// Says at a terminal that the command waits for `what` on standard input.
pub(crate) fn announce(what: &str) {
    if io::stdin().is_terminal() {
        output::hint(&format!("Reading {what} from standard input. Ctrl-D ends it."));
    }
}
