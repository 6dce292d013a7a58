//! Parses the command line, runs it, prints what went wrong, and says so by the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tokend::cli::run()
}
