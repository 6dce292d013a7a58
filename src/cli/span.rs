//! Spans of time as arguments.

use crate::cli::error::CliError;
use crate::model::time::Lifetime;

/// Reads a span of time.
pub(crate) fn span(text: &str) -> Result<Lifetime, CliError> {
    Lifetime::parse(text).map_err(|malformed| CliError::usage(format!("{text:?} {malformed}")))
}

/// Reads a span of time, or `default`.
pub(crate) fn span_or_default(text: &str) -> Result<Option<Lifetime>, CliError> {
    if text == "default" { Ok(None) } else { span(text).map(Some) }
}
