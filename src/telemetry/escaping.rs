//! The last step of every log line: escapes untrusted text that a terminal would execute as a
//! command.

use std::borrow::Cow;
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use crate::telemetry::log::OUTPUT;
use crate::text::escaping::{escape_json, is_unsafe};
use crate::text::plain::is_printable;

/// Format of a line, which determines the characters that it may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineFormat {
    /// JSON. All unsafe characters are escaped, and parsing returns the original text.
    Json,
    /// Text. All unsafe characters are escaped.
    Plain,
    /// Text with colors. The escape character is kept, because the colors need it. The formatter
    /// has escaped those that are part of a field.
    Colored,
}

/// Writes log lines into the buffer of standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct EscapingWriter(pub(super) LineFormat);

impl<'a> MakeWriter<'a> for EscapingWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for EscapingWriter {
    /// Writes a complete line, because the formatter writes each event with one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if is_plain(line) {
            put(line)?;
        } else {
            let text = String::from_utf8_lossy(line);
            put(escape_line(self.0, &text).as_bytes())?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Queues a line for the log thread, or writes it directly without that thread.
fn put(line: &[u8]) -> io::Result<()> {
    if OUTPUT.push(line) { Ok(()) } else { io::stderr().write_all(line) }
}

/// True for a line of printable ASCII, as nearly every line is.
fn is_plain(line: &[u8]) -> bool {
    is_printable(line.strip_suffix(b"\n").unwrap_or(line))
}

fn escape_line(format: LineFormat, line: &str) -> Cow<'_, str> {
    let is_kept = |c: char| match c {
        // A line break inside a field would be a second, forged line.
        '\n' => false,
        '\u{1b}' => format == LineFormat::Colored,
        other => !is_unsafe(other),
    };
    let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
    if format == LineFormat::Json {
        return escape_json(line);
    }
    if content.chars().all(is_kept) {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len() + 16);
    for c in content.chars() {
        if is_kept(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out.push_str(end);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_printable_ascii_skips_escaping() {
        for text in ["", "\n", "INFO a line {\"x\":1}~\n", "no end"] {
            assert!(is_plain(text.as_bytes()), "{text:?}");
        }
        for text in ["\u{1b}[2J\n", "two\nlines\n", "\u{7f}", "\u{e4}", "a\tb", "\0"] {
            assert!(!is_plain(text.as_bytes()), "{text:?}");
        }
    }

    /// S-10: the JSON log contained raw U+0085, U+009B and U+2028.
    #[test]
    fn both_formats_escape_what_a_terminal_obeys() {
        let field = "kid '\u{85}\u{9b}31m\u{202e}\u{2028}\u{1b}[2J'";
        let json = serde_json::json!({ "reason": field }).to_string() + "\n";
        let line = escape_line(LineFormat::Json, &json);
        assert!(line.ends_with('\n') && !line.trim_end().chars().any(is_unsafe), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(read["reason"], field);
        let text = format!("INFO refused {field}\nforged\n");
        let line = escape_line(LineFormat::Plain, &text);
        assert!(line.ends_with('\n') && !line.trim_end().chars().any(is_unsafe), "{line}");
        let colored = escape_line(LineFormat::Colored, "\u{1b}[32mINFO\u{1b}[0m \u{9b}31m\n");
        assert_eq!(colored, "\u{1b}[32mINFO\u{1b}[0m \\u{9b}31m\n");
    }
}
