//! Entry point of the `tokend` binary: runs the command line and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tokend::cli::run()
}
