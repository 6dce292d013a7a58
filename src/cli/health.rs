//! `tokend health`: for `HEALTHCHECK` in an image that has no shell and no curl.

use clap::Args;

use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::{http, output};
use crate::config::Need;

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Ask whether the process lives, not whether it is ready
    #[arg(long)]
    live: bool,
}

/// Runs `tokend health`: only exit codes 0 and 1, which is all that Docker knows.
pub(crate) async fn run(global: &Global, args: &HealthArgs) -> Result<(), CliError> {
    let config = global.config(Need::Nothing).map_err(|error| CliError::failed(error.as_text()))?;
    let path = if args.live { "/livez" } else { "/readyz" };
    // Both listeners know it; the one that never speaks TLS is asked if the other does.
    let listener = if config.tls.is_some() { config.management_listen } else { config.listen };
    let address = http::reachable(listener);
    let answer = http::get(address, path).await.map_err(CliError::failed)?;
    if !answer.status.is_success() {
        return Err(CliError::failed(format!(
            "{address}{path} says {}: {}",
            answer.status, answer.body
        )));
    }
    output::line(&answer.body)
}
