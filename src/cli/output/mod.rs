//! Output of commands: a table for people, JSON for programs, ids for pipes. Results go to standard
//! output, and all other text to standard error.

pub(super) mod confirmation;
pub(super) mod destruction_preview;
pub(super) mod listing;
pub(super) mod objects;

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use clap::ValueEnum;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Value, json};
use tabwriter::TabWriter;

use crate::cli::error::CliError;
use crate::cli::output::listing::Listing;
use crate::model::time::{Lifetime, Timestamp, in_largest_unit};
use crate::text::escaping;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// JSON for programs.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// One identifier per line.
    Id,
}

/// Prints one object: rows of name and value, its JSON, or its identifier.
pub(crate) fn one<T: Serialize>(
    format: Format,
    id: &str,
    value: &T,
    rows: &[(&str, String)],
) -> Result<(), CliError> {
    text(render(format, id, value, rows)?.as_bytes())
}

/// Renders one object as [`one`] prints it.
pub(crate) fn render<T: Serialize>(
    format: Format,
    id: &str,
    value: &T,
    rows: &[(&str, String)],
) -> Result<String, CliError> {
    match format {
        Format::Json | Format::Jsonl => Ok(object_text(format, value)? + "\n"),
        Format::Id => Ok(format!("{id}\n")),
        Format::Table => {
            let rows: Vec<_> =
                rows.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect();
            table_text(&rows)
        }
    }
}

/// Prints several objects: a table with a header, a JSON array, JSON lines, or identifiers.
pub(crate) fn many<T: Serialize>(
    format: Format,
    values: &[T],
    header: &[&str],
    row: impl Fn(&T) -> Vec<String>,
) -> Result<(), CliError> {
    let mut listing = Listing::new(format, header);
    listing.page(values, row)?;
    listing.end()
}

/// Prints a line to standard output.
pub(crate) fn line(text: &str) -> Result<(), CliError> {
    printed(writeln!(io::stdout(), "{}", escaping::escape_lines(text)))
}

/// Prints a text with its own line breaks to standard output.
pub(crate) fn text(text: &[u8]) -> Result<(), CliError> {
    printed(io::stdout().write_all(text).and_then(|()| io::stdout().flush()))
}

/// Maps the outcome of a write. A reader that closes the pipe early is not an error.
fn printed(outcome: io::Result<()>) -> Result<(), CliError> {
    outcome.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::closed_pipe(),
        _ => CliError::failed(format!("cannot write to standard output: {error}")),
    })
}

/// Prints a note to standard error, separate from the result.
pub(crate) fn hint(text: &str) {
    // If standard error is closed, only the hint is lost.
    let _ = writeln!(io::stderr(), "{}", escaping::escape_lines(text));
}

/// A secret in a result: the secret itself, or the file that it is written to.
pub(crate) struct ShownSecret<'a> {
    secret: SecretString,
    file: Option<&'a Path>,
}

impl<'a> ShownSecret<'a> {
    /// Reads the secret of a response. With `file`, only the name of the file is shown.
    pub(crate) fn of(answer: &Value, file: Option<&'a Path>) -> Result<Self, CliError> {
        let secret = answer["client_secret"].as_str().map(SecretString::from);
        let secret = secret.ok_or_else(|| CliError::failed("the answer has no secret"))?;
        Ok(Self { secret, file })
    }

    /// Returns the JSON of the result: the response, in which the file name replaces a secret that
    /// is in a file.
    pub(crate) fn json(&self, answer: &Value) -> Value {
        let mut json = answer.clone();
        match (self.file, json.as_object_mut()) {
            (Some(path), Some(members)) => {
                members.remove("client_secret");
                members.insert("client_secret_file".to_owned(), json!(path));
            }
            (None, Some(members)) => {
                members.insert("shown_once".to_owned(), json!(true));
            }
            (_, None) => {}
        }
        json
    }

    /// Returns the secret as a table row.
    pub(crate) fn row(&self) -> (&'static str, String) {
        match self.file {
            None => ("secret", format!("{}   (shown only now)", self.secret.expose_secret())),
            Some(path) => ("secret", format!("written to {}", path.display())),
        }
    }
}

/// Prints the version.
pub(crate) fn version(format: Format) -> Result<(), CliError> {
    let version = env!("CARGO_PKG_VERSION");
    match format {
        Format::Json | Format::Jsonl => {
            object(format, &json!({ "name": "tokend", "version": version }))
        }
        Format::Table | Format::Id => line(&format!("tokend {version}")),
    }
}

/// Formats a time: relative on a terminal, exact elsewhere.
pub(crate) fn format_time(time: Timestamp, now: Timestamp) -> String {
    if !io::stdout().is_terminal() {
        return time.to_string();
    }
    distance(time, now)
}

/// Formats a time as an exact time with its distance from now.
pub(crate) fn time(time: Timestamp, now: Timestamp) -> String {
    format!("{time} ({})", distance(time, now))
}

/// Formats the distance of a time from now, in the largest unit that is precise enough.
fn distance(time: Timestamp, now: Timestamp) -> String {
    let (seconds, is_past) = match now.seconds_since(time) {
        ago if ago >= 0 => (ago, true),
        ahead => (ahead.saturating_neg(), false),
    };
    let text = in_largest_unit(seconds, ["s", "min", "h", "d"]);
    if is_past { format!("{text} ago") } else { format!("in {text}") }
}

/// Formats a number of seconds as a lifetime of the settings.
pub(crate) fn lifetime(seconds: i64) -> String {
    Lifetime::from_seconds(seconds).map_or_else(|_| format!("{seconds}s"), |it| it.to_string())
}

/// Prints a value as indented JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<(), CliError> {
    line(&json_text(value)?)
}

fn json_text<T: Serialize>(value: &T) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|error| CliError::failed(error.to_string()))?;
    Ok(escaping::escape_json(&text).into_owned())
}

/// Prints a value as JSON; on a single line for [`Format::Jsonl`].
pub(crate) fn object<T: Serialize>(format: Format, value: &T) -> Result<(), CliError> {
    line(&object_text(format, value)?)
}

fn object_text<T: Serialize>(format: Format, value: &T) -> Result<String, CliError> {
    if format != Format::Jsonl {
        return json_text(value);
    }
    let text = serde_json::to_string(value);
    let text = text.map_err(|error| CliError::failed(error.to_string()))?;
    Ok(escaping::escape_json(&text).into_owned())
}

/// Escapes the cells of a row: control characters in a name must not reach the terminal.
pub(crate) fn printable(cells: &[String]) -> Vec<String> {
    cells.iter().map(|cell| escaping::escape(cell).into_owned()).collect()
}

fn table_text(rows: &[Vec<String>]) -> Result<String, CliError> {
    let mut writer = TabWriter::new(Vec::new()).padding(3);
    for row in rows {
        writeln!(writer, "{}", printable(row).join("\t"))?;
    }
    let text = writer.into_inner().map_err(|error| CliError::failed(error.to_string()))?;
    String::from_utf8(text).map_err(|error| CliError::failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_exact_and_has_a_relative_part() {
        let now = Timestamp(1_795_527_403);
        let told = |seconds: i64| time(now.plus_seconds(seconds), now);
        assert_eq!(told(0), "2026-11-24T13:36:43Z (0 s ago)");
        assert_eq!(told(9 * 86_400 + 5), "2026-12-03T13:36:48Z (in 9 d)");
        assert!(told(-3 * 3600).ends_with("(3 h ago)"));
        assert!(told(119).ends_with("(in 119 s)"));
        assert!(told(-600).ends_with("(10 min ago)"));
    }
}
