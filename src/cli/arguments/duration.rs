//! Parsing of durations in options.

use crate::cli::error::CliError;
use crate::model::time::Lifetime;

/// Parses the duration of an option. `option` is its name, such as `--overlap`.
///
/// # Errors
/// A usage error that names the option, the text and the expected format.
pub(crate) fn duration(option: &str, text: &str) -> Result<Lifetime, CliError> {
    Lifetime::parse(text)
        .map_err(|malformed| CliError::usage(format!("{option}: '{text}' {malformed}")))
}

/// Parses a duration; `None` for the word `default`.
///
/// # Errors
/// As [`duration`].
pub(crate) fn duration_or_default(option: &str, text: &str) -> Result<Option<Lifetime>, CliError> {
    if text == "default" { Ok(None) } else { duration(option, text).map(Some) }
}
