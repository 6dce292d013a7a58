//! `tokend audit export`: writes events as JSON lines or as CSV, to standard output or to a new
//! file. Memory holds one page of events at a time.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};

use crate::admin::audit;
use crate::cli::api::{Api, ApiRequest, ApiUse, Page, path};
use crate::cli::error::CliError;
use crate::cli::error::codes::CliErrorCode;
use crate::cli::output::objects::event::ExportedEvent;
use crate::cli::{Global, arguments, output};
use crate::model::time::Timestamp;
use crate::services::atomic_file::AtomicFile;

/// The number of events in one page.
const PAGE_SIZE: u32 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The first event: a time such as 24h, 7d, 2026-11-24 or 2026-11-24T13:36:43Z, or a sequence
    /// number; the first one of the log if omitted
    #[arg(long, value_name = "TIME|SEQUENCE")]
    since: Option<String>,
    /// The last event, in the same forms; the newest one if omitted
    #[arg(long, value_name = "TIME|SEQUENCE")]
    until: Option<String>,
    /// The form: one JSON object per line, or CSV that spreadsheets can open
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    format: ExportFormat,
    /// Write to this new file, which appears when it is complete; standard output if omitted
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// One JSON object per line.
    Jsonl,
    /// Comma-separated values (RFC 4180).
    Csv,
}

/// A position in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogPosition {
    Time(Timestamp),
    Sequence(i64),
}

impl LogPosition {
    /// Parses a sequence number or a time. A number is a sequence, because a time always has
    /// another character.
    fn parse(text: &str, now: Timestamp) -> Result<Self, CliError> {
        match text.parse::<i64>() {
            Ok(sequence) if sequence >= 0 => Ok(Self::Sequence(sequence)),
            _ => arguments::time::past(text, now).map(Self::Time),
        }
    }

    fn time(self) -> Option<Timestamp> {
        match self {
            Self::Time(time) => Some(time),
            Self::Sequence(_) => None,
        }
    }

    fn sequence(self) -> Option<i64> {
        match self {
            Self::Time(_) => None,
            Self::Sequence(sequence) => Some(sequence),
        }
    }
}

/// The destination of an export.
enum Target<'a> {
    Output,
    File { path: &'a Path, draft: AtomicFile, file: File },
}

impl<'a> Target<'a> {
    fn open(path: Option<&'a Path>) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self::Output) };
        if path.exists() {
            return Err(exists(path));
        }
        let (draft, file) = AtomicFile::create(path).map_err(|error| unwritable(path, &error))?;
        Ok(Self::File { path, draft, file })
    }

    fn write(&mut self, text: &[u8]) -> Result<(), CliError> {
        match self {
            Self::Output => output::text(text),
            Self::File { path, file, .. } => {
                file.write_all(text).map_err(|error| unwritable(path, &error))
            }
        }
    }

    fn finish(self) -> Result<(), CliError> {
        let Self::File { path, draft, file } = self else { return Ok(()) };
        draft.finish(&file).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(path),
            _ => unwritable(path, &error),
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes the error by value")]
fn unwritten(error: csv::Error) -> CliError {
    CliError::failed(error.to_string())
}

fn exists(path: &Path) -> CliError {
    let text = format!(
        "{} exists and is not replaced; nothing was exported. Give the name of a new file.",
        path.display()
    );
    CliError::with_codes(CliErrorCode::Conflict, None, text)
}

fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::failed(format!("cannot write to {}: {error}; nothing was exported", path.display()))
}

/// Runs `tokend audit export`.
pub(crate) async fn run(global: &Global, args: &ExportArgs) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Read).await?;
    let now = api.now();
    let position = |text: &Option<String>| {
        text.as_deref().map(|text| LogPosition::parse(text, now)).transpose()
    };
    let (since, until) = (position(&args.since)?, position(&args.until)?);
    let after = since.and_then(LogPosition::sequence);
    let after = after.map_or(0, |first| first.saturating_sub(1).max(0));
    // With `after`, the API returns the oldest event first.
    let request = ApiRequest::get(path(&["audit-events"]))
        .with("limit", PAGE_SIZE)
        .with("after", after)
        .with_some("since", since.and_then(LogPosition::time))
        .with_some("until", until.and_then(LogPosition::time));
    let last = until.and_then(LogPosition::sequence).unwrap_or(i64::MAX);
    let mut target = Target::open(args.file.as_deref())?;
    if args.format == ExportFormat::Csv {
        target.write(&audit::csv::header().map_err(unwritten)?)?;
    }
    let (mut cursor, mut exported, mut end) = (None, 0, None);
    loop {
        let mut page: Page<ExportedEvent> = api.page(&request, cursor.as_deref()).await?;
        let has_more = page.data.last().is_none_or(|event| event.object.sequence < last);
        page.data.retain(|event| event.object.sequence <= last);
        let text = match args.format {
            ExportFormat::Jsonl => output::listing::lines(&page.data)?.into_bytes(),
            ExportFormat::Csv => {
                let events = page.data.iter().map(|found| found.object.columns());
                audit::csv::rows(events).map_err(unwritten)?
            }
        };
        target.write(&text)?;
        exported += i64::try_from(page.data.len()).unwrap_or(i64::MAX);
        end = page.data.last().map(|event| event.object.sequence).or(end);
        cursor = page.next_cursor;
        if cursor.is_none() || !has_more {
            break;
        }
    }
    target.finish()?;
    if let Some(path) = &args.file {
        output::hint(&summary(exported, end, &path.display().to_string()));
    }
    Ok(())
}

fn summary(exported: i64, end: Option<i64>, path: &str) -> String {
    let count = output::listing::thousands(exported);
    match end {
        None => format!("{path} has no event"),
        Some(end) => format!(
            "{path} has {count} events, until event {end}; the next export begins with --since {}",
            end.saturating_add(1)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_sequence_or_a_time() {
        let now = Timestamp(1_000_000);
        let position = |text: &str| LogPosition::parse(text, now).expect("a position");
        assert_eq!(position("9021"), LogPosition::Sequence(9021));
        assert_eq!(position("1h"), LogPosition::Time(Timestamp(996_400)));
        assert_eq!(position("1970-01-02"), LogPosition::Time(Timestamp(86_400)));
        for wrong in ["", "yesterday", "-5", "1x"] {
            assert!(LogPosition::parse(wrong, now).is_err(), "{wrong}");
        }
    }
}
