//! Prints lists page by page. Memory holds only one page, whatever the length of a list.

use std::io::Write;

use serde::Serialize;
use tabwriter::TabWriter;

use crate::cli::api::Unreadable;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::text::escaping;

/// The number of spaces between two columns.
const PADDING: usize = 3;

/// A list that is printed in pages.
pub(crate) struct Listing<'a> {
    format: Format,
    header: &'a [&'a str],
    /// The widths of all columns but the last, from the widest cells so far, so that later pages
    /// align with earlier ones.
    widths: Vec<usize>,
    is_empty: bool,
}

impl<'a> Listing<'a> {
    pub(crate) fn new(format: Format, header: &'a [&'a str]) -> Self {
        let columns = header.len().saturating_sub(1);
        Self { format, header, widths: vec![1; columns], is_empty: true }
    }

    /// Prints a page. `row` returns the cells of a table row; the first cell is the id.
    pub(crate) fn page<T: Serialize>(
        &mut self,
        values: &[T],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), CliError> {
        if values.is_empty() {
            return Ok(());
        }
        let text = match self.format {
            Format::Table => self.rows(&mut values.iter().map(row))?,
            Format::Json => self.elements(values)?,
            Format::Jsonl => lines(values)?,
            Format::Id => {
                let ids = values.iter().map(|value| row(value).into_iter().next());
                ids.map(|id| id.unwrap_or_default() + "\n").collect()
            }
        };
        self.is_empty = false;
        output::text(text.as_bytes())
    }

    /// Ends the list: closes a JSON array, and prints the header of an empty table.
    pub(crate) fn end(mut self) -> Result<(), CliError> {
        match (self.format, self.is_empty) {
            (Format::Json, true) => output::line("[]"),
            (Format::Json, false) => output::line("\n]"),
            (Format::Table, true) => {
                let header = self.rows(&mut std::iter::empty())?;
                output::text(header.as_bytes())
            }
            (Format::Table, false) | (Format::Jsonl | Format::Id, _) => Ok(()),
        }
    }

    /// Renders elements so that all pages together form one JSON array.
    fn elements<T: Serialize>(&self, values: &[T]) -> Result<String, CliError> {
        let array = serde_json::to_string_pretty(values)
            .map_err(|error| CliError::failed(error.to_string()))?;
        let elements = array.strip_prefix('[').and_then(|rest| rest.strip_suffix("\n]"));
        let start = if self.is_empty { "[" } else { "," };
        let elements = escaping::escape_json(elements.unwrap_or_default());
        Ok(format!("{start}{elements}"))
    }

    fn rows(&mut self, rows: &mut dyn Iterator<Item = Vec<String>>) -> Result<String, CliError> {
        let header = self.header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let header = self.is_empty.then_some(header);
        // The first line only sets the column widths; it is not printed.
        let mut ruler: Vec<String> = self.widths.iter().map(|width| "x".repeat(*width)).collect();
        ruler.push("x".to_owned());
        let mut writer = TabWriter::new(Vec::new()).padding(PADDING);
        for cells in std::iter::once(ruler).chain(header).chain(rows) {
            writeln!(writer, "{}", output::printable(&cells).join("\t"))?;
        }
        writer.flush()?;
        let written = writer.into_inner().map_err(|error| CliError::failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&written);
        let (ruler, text) = text.split_once('\n').unwrap_or_default();
        self.widths = widths(ruler);
        Ok(text.to_owned())
    }
}

/// Counts the objects of a list that cannot be read, and names each on standard error.
pub(crate) struct LeftOut {
    /// The singular and the plural of the kind of object.
    kinds: [&'static str; 2],
    count: usize,
}

impl LeftOut {
    pub(crate) fn new(kinds: [&'static str; 2]) -> Self {
        Self { kinds, count: 0 }
    }

    /// Names the unreadable objects of a page on standard error.
    pub(crate) fn name(&mut self, objects: &[Unreadable]) {
        self.count += objects.len();
        for Unreadable { id, problem } in objects {
            output::hint(&format!("{} {id} cannot be read: {problem}", self.kinds[0]));
        }
    }

    /// Fails if an object was left out.
    pub(crate) fn into_result(self) -> Result<(), CliError> {
        let text = match (self.count, self.kinds) {
            (0, _) => return Ok(()),
            (1, [kind, _]) => format!("1 {kind} cannot be read and is left out"),
            (count, [_, kinds]) => format!("{count} {kinds} cannot be read and are left out"),
        };
        Err(CliError::failed(text))
    }
}

/// Renders one JSON object per line.
pub(crate) fn lines<T: Serialize>(values: &[T]) -> Result<String, CliError> {
    let mut text = String::new();
    for value in values {
        let line =
            serde_json::to_string(value).map_err(|error| CliError::failed(error.to_string()))?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(escaping::escape_json(&text).into_owned())
}

/// Measures the columns by the words of the ruler, except the last one.
fn widths(ruler: &str) -> Vec<usize> {
    let is_start = |place: &usize| {
        ruler[*place..].starts_with('x') && (*place == 0 || ruler[..*place].ends_with(' '))
    };
    let starts: Vec<usize> = (0..ruler.len()).filter(is_start).collect();
    starts.windows(2).map(|pair| (pair[1] - pair[0]).saturating_sub(PADDING)).collect()
}

/// The count of remaining objects stops at this number.
pub(crate) const COUNT_BOUND: u32 = 10_001;

/// Formats a count that is exact below [`COUNT_BOUND`].
pub(crate) fn bounded(count: i64) -> String {
    let bound = i64::from(COUNT_BOUND);
    if count < bound { thousands(count) } else { format!("more than {}", thousands(bound - 1)) }
}

/// Formats a number with a comma between groups of three digits.
pub(crate) fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_aligned_with_one_another() {
        let mut listing = Listing::new(Format::Table, &["ID", "LAST USED", "STATE"]);
        let row = |id: &str| vec![id.to_owned(), "never".to_owned(), "active".to_owned()];
        let first = listing.rows(&mut [row("a-long-name")].into_iter()).expect("a page");
        assert_eq!(first, "ID            LAST USED   STATE\na-long-name   never       active\n");
        listing.is_empty = false;
        let second = listing.rows(&mut [row("b\u{1b}[2J")].into_iter()).expect("a page");
        assert_eq!(second, "b\\u{1b}[2J    never       active\n");
        let third = listing.rows(&mut [row("é-even-longer-name")].into_iter()).expect("a page");
        assert_eq!(third, "é-even-longer-name   never       active\n");
        let fourth = listing.rows(&mut [row("c")].into_iter()).expect("a page");
        assert_eq!(fourth, "c                    never       active\n");
    }

    #[test]
    fn an_array_in_pages_reads_like_one_that_is_written_at_once() {
        let values = [serde_json::json!({ "a": [1, 2], "b": {} }), serde_json::json!("x\ny")];
        let mut listing = Listing::new(Format::Json, &[]);
        let mut text = listing.elements(&values[..1]).expect("an element");
        listing.is_empty = false;
        text.push_str(&listing.elements(&values[1..]).expect("an element"));
        assert_eq!(text + "\n]", serde_json::to_string_pretty(&values).expect("JSON"));
    }

    #[test]
    fn numbers_are_readable() {
        let numbers = [0, 999, 1_000, 1_234_567].map(thousands);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567"]);
    }
}
