//! Logging: one line for each event, text for people or JSON for machines, to standard error.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::str::FromStr;
use std::time::Duration;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

use crate::telemetry::escaping::{EscapingWriter, LineFormat};
use crate::telemetry::json::JsonLines;
use crate::telemetry::line_buffer::LineBuffer;

/// Standard error. A process has one.
pub(super) static OUTPUT: LineBuffer = LineBuffer::new();

/// How long the end of the process waits for the last lines to be written.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

const WANTED: &str =
    "must be error, warn, info, debug or trace, or a list such as info,tokend::web=debug";

/// Checks a log directive such as `info` or `info,tokend::web=debug`.
pub fn check_level(text: &str) -> Result<(), String> {
    targets(text).map(|_| ())
}

/// The level of the running log.
#[derive(Debug, Clone)]
pub struct LogLevel(reload::Handle<Targets, Registry>);

impl LogLevel {
    /// Applies another level at once.
    ///
    /// # Errors
    /// A sentence for operators, if the text is not a level, or without a log.
    pub fn set(&self, level: &str) -> Result<(), String> {
        self.0.reload(targets(level)?).map_err(|error| error.to_string())
    }
}

/// Sets logging up for the rest of the process, in JSON or as text, and gives its level. A second
/// call changes nothing. `level` has passed [`check_level`].
pub fn start(level: &str, as_json: bool) -> LogLevel {
    let (filter, handle) = reload::Layer::new(targets(level).unwrap_or_default());
    let colour = std::io::stderr().is_terminal();
    let format = match (as_json, colour) {
        (true, _) => LineFormat::Json,
        (false, true) => LineFormat::Coloured,
        (false, false) => LineFormat::Plain,
    };
    let writer = EscapingWriter(format);
    let layer = if as_json {
        JsonLines(writer).with_filter(filter).boxed()
    } else {
        let lines = tracing_subscriber::fmt::layer().with_writer(writer);
        lines.with_ansi(colour).with_target(false).with_filter(filter).boxed()
    };
    // Without a thread, lines are written where they are logged.
    let _ = OUTPUT.start(std::io::stderr());
    // The only failure is that logging is set up already, which is wanted.
    if tracing_subscriber::registry().with(layer).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    LogLevel(handle)
}

/// Waits until what was logged is written: at the end of the process. A reader that has stopped
/// reading delays it by two seconds at most.
pub fn flush() {
    OUTPUT.flush(FLUSH_LIMIT);
}

/// How many lines of the log were dropped, because standard error was not read in time.
pub fn dropped_lines() -> u64 {
    OUTPUT.dropped()
}

/// A panic is a line of the log like every other, so that JSON stays JSON. It may end the process.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, problem = panic_message(panic.payload()), "a panic");
    flush();
}

fn targets(text: &str) -> Result<Targets, String> {
    // The library would take a lone word that is not a level for the name of a module.
    let is_level = |word: &str| LEVELS.contains(&word.trim());
    let is_sound = text
        .split(',')
        .all(|part| part.rsplit_once('=').map_or(is_level(part), |(_, level)| is_level(level)));
    if !is_sound {
        return Err(WANTED.to_owned());
    }
    // The database driver reports each lost connection at INFO, which tokend itself does better.
    let text = if text.contains("sqlx") { text.to_owned() } else { with_quiet_driver(text) };
    Targets::from_str(&text).map_err(|_| WANTED.to_owned())
}

/// Adds the level of the database driver: at most `warn`, unless everything is to be traced.
fn with_quiet_driver(text: &str) -> String {
    match text.split(',').next_back().map(str::trim) {
        Some("debug" | "trace" | "off" | "error") | None => text.to_owned(),
        Some(_) => format!("{text},sqlx=warn"),
    }
}

/// An error with its causes, in one line; a cause that has been told is not told again.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The message of a panic, from what was caught.
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
