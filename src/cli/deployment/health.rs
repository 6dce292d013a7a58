//! `tokend health`: the `HEALTHCHECK` of an image without a shell and curl.

use clap::Args;

use crate::cli::deployment::http;
use crate::cli::error::CliError;
use crate::cli::remedies::command::CommandRemedy;
use crate::cli::{Global, output};
use crate::config::sources::Settings;
use crate::config::{Requirement, environment};

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Check liveness (/livez) instead of readiness (/readyz)
    #[arg(long)]
    live: bool,
}

/// Runs `tokend health`. It exits only with 0 or 1, the codes that Docker defines.
pub(crate) async fn run(global: &Global, args: &HealthArgs) -> Result<(), CliError> {
    let config =
        global.config(Requirement::Nothing).map_err(|error| CliError::failed(error.as_text()))?;
    let path = if args.live { "/livez" } else { "/readyz" };
    // Both listeners serve the path. If `listen` speaks TLS, the management listener is used
    // instead.
    let (setting, listener) = match config.tls {
        Some(_) => ("management.listen", config.management_listen),
        None => ("listen", config.listen),
    };
    let address = http::reachable(listener);
    let settings = Settings::gather(&global.flags(), &environment())
        .map_err(|error| CliError::failed(error.to_string()))?;
    let answer = http::get(address, path).await.map_err(|problem| {
        CliError::failed(problem).with_remedy(CommandRemedy::SameSettingsAsServer {
            setting,
            listener,
            origin: settings.origin(setting),
        })
    })?;
    if !answer.status.is_success() {
        return Err(CliError::failed(format!(
            "{address}{path} says {}: {}",
            answer.status, answer.body
        )));
    }
    output::line(&answer.body)
}
