//! Logs to standard error, one line for each event: text for people or JSON for machines.

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

/// The buffer of standard error, one for each process.
pub(super) static OUTPUT: LineBuffer = LineBuffer::new();

/// The maximum time that the end of the process waits for the last lines.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

const WANTED: &str =
    "must be error, warn, info, debug or trace, or a list such as info,tokend::web=debug";

/// Validates a log directive such as `info` or `info,tokend::web=debug`.
pub fn check_level(text: &str) -> Result<(), String> {
    targets(text).map(|_| ())
}

/// Handle for the level of the running log.
#[derive(Debug, Clone)]
pub struct LogLevel(reload::Handle<Targets, Registry>);

impl LogLevel {
    /// Changes the level immediately.
    ///
    /// # Errors
    /// A sentence for operators, if the text is not a level or logging has not started.
    pub fn set(&self, level: &str) -> Result<(), String> {
        self.0.reload(targets(level)?).map_err(|error| error.to_string())
    }
}

/// Starts logging for the rest of the process, in JSON or as text, and returns a handle for its
/// level. A second call changes nothing. `level` must have passed [`check_level`].
pub fn start(level: &str, as_json: bool) -> LogLevel {
    let (filter, handle) = reload::Layer::new(targets(level).unwrap_or_default());
    let color = std::io::stderr().is_terminal();
    let format = match (as_json, color) {
        (true, _) => LineFormat::Json,
        (false, true) => LineFormat::Colored,
        (false, false) => LineFormat::Plain,
    };
    let writer = EscapingWriter(format);
    let layer = if as_json {
        JsonLines(writer).with_filter(filter).boxed()
    } else {
        let lines = tracing_subscriber::fmt::layer().with_writer(writer);
        lines.with_ansi(color).with_target(false).with_filter(filter).boxed()
    };
    // Without a thread, each line is written directly.
    let _ = OUTPUT.start(std::io::stderr());
    // It fails only if logging has already started, which is intended.
    if tracing_subscriber::registry().with(layer).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    LogLevel(handle)
}

/// Waits at the end of the process until the log is written. A reader that has stopped reading
/// delays it by at most two seconds.
pub fn flush() {
    OUTPUT.flush(FLUSH_LIMIT);
}

/// Returns how many lines of the log were dropped, because standard error was not read in time.
pub fn dropped_lines() -> u64 {
    OUTPUT.dropped()
}

/// Logs a panic as an ordinary line, so that a JSON log stays JSON. Flushes, because the panic may
/// end the process.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, problem = panic_message(panic.payload()), "a panic");
    flush();
}

fn targets(text: &str) -> Result<Targets, String> {
    // The library would interpret a single word that is not a level as the name of a module.
    let is_level = |word: &str| LEVELS.contains(&word.trim());
    let is_sound = text
        .split(',')
        .all(|part| part.rsplit_once('=').map_or(is_level(part), |(_, level)| is_level(level)));
    if !is_sound {
        return Err(WANTED.to_owned());
    }
    // The database driver logs each lost connection at INFO. tokend logs this itself, with more
    // detail.
    let text = if text.contains("sqlx") { text.to_owned() } else { with_quiet_driver(text) };
    Targets::from_str(&text).map_err(|_| WANTED.to_owned())
}

/// Adds the level of the database driver: at most `warn`, unless the default level is `debug` or
/// `trace`.
fn with_quiet_driver(text: &str) -> String {
    match text.split(',').next_back().map(str::trim) {
        Some("debug" | "trace" | "off" | "error") | None => text.to_owned(),
        Some(_) => format!("{text},sqlx=warn"),
    }
}

/// Returns an error with its causes in one line. A cause that the text already includes is omitted.
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

/// Returns the message of a caught panic.
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
