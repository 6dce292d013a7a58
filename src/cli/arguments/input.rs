//! Reads text from standard input. At a terminal it first prints a hint, because the command would
//! otherwise wait silently.

use std::io::{self, IsTerminal, Read};

use zeroize::Zeroizing;

use crate::cli::output;

/// Reads standard input up to its end, at most `limit` bytes.
///
/// `what` names the text for the person at a terminal, such as `a token`.
pub(crate) fn read(what: &str, limit: u64) -> io::Result<String> {
    announce(what);
    let mut text = String::new();
    io::stdin().take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// Like [`read`], but for input that may not be UTF-8.
pub(crate) fn read_bytes(what: &str, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    announce(what);
    let mut bytes = Zeroizing::new(Vec::new());
    io::stdin().take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Prints a hint at a terminal that the command waits for `what` on standard input.
pub(crate) fn announce(what: &str) {
    if io::stdin().is_terminal() {
        output::hint(&format!("Reading {what} from standard input. Ctrl-D ends it."));
    }
}
