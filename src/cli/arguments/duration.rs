//! Durations as options.

use crate::cli::error::CliError;
use crate::model::time::Lifetime;

/// Reads the duration that an option gives. `option` is its name, such as `--overlap`.
///
/// # Errors
/// A usage error that names the option, the text and how to write it.
pub(crate) fn duration(option: &str, text: &str) -> Result<Lifetime, CliError> {
    Lifetime::parse(text)
        .map_err(|malformed| CliError::usage(format!("{option}: '{text}' {malformed}")))
}

/// Reads a duration, or `default`.
///
/// # Errors
/// As [`duration`].
pub(crate) fn duration_or_default(option: &str, text: &str) -> Result<Option<Lifetime>, CliError> {
    if text == "default" { Ok(None) } else { duration(option, text).map(Some) }
}
