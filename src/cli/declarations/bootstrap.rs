//! Applies declarations at the start of a server, before it accepts requests (setting
//! `bootstrap.file`).

use crate::admin::{Actor, Principal};
use crate::cli::declarations::{self, apply};
use crate::cli::error::CliError;
use crate::cli::secret_file::applied_secrets::{SecretsDir, SecretsFormat};
use crate::services::Services;

/// Applies the file of the settings, if it is set. It never adopts or deletes objects.
///
/// # Errors
/// If the file cannot be applied. A server without its clients would reject every request.
pub(in crate::cli) async fn apply(services: &Services) -> Result<(), CliError> {
    let settings = &services.config.bootstrap;
    let Some(file) = &settings.file else { return Ok(()) };
    let declarations = declarations::of_file(file)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let principal = Principal::operator(Actor::new("bootstrap", &name));
    let dir = settings.secrets_dir.as_deref();
    let dir = dir.map(|dir| SecretsDir::new(dir, SecretsFormat::Plain));
    let done = apply::at_start(services, &principal, &declarations, dir.as_ref()).await?;
    for change in &done.changes {
        tracing::info!(
            action = ?change.action,
            kind = change.kind,
            id = change.id,
            "applied from the bootstrap file"
        );
    }
    for (client, file) in &done.secret_files {
        tracing::info!(client.id = client, file = %file.display(), "a new secret was written");
    }
    Ok(())
}
