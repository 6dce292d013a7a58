//! Events as CSV (RFC 4180) that a spreadsheet shows as text: no cell is taken for a formula.

use std::borrow::Cow;

use crate::cli::error::CliError;
use crate::cli::objects::event::ExportedEvent;

/// The columns.
const HEADER: [&str; 10] = [
    "sequence",
    "at",
    "actor",
    "action",
    "subject",
    "owner",
    "other_owner",
    "detail",
    "previous_hash",
    "hash",
];

/// The first line.
pub(super) fn header() -> Result<Vec<u8>, CliError> {
    written([HEADER.map(Cow::Borrowed)].into_iter())
}

/// A line for each event.
pub(super) fn rows<'a>(
    events: impl Iterator<Item = &'a ExportedEvent>,
) -> Result<Vec<u8>, CliError> {
    written(events.map(|event| {
        [
            Cow::Owned(event.sequence.to_string()),
            cell(&event.at),
            cell(&event.actor),
            cell(&event.action),
            cell(&event.subject),
            cell(event.owner.as_deref().unwrap_or_default()),
            cell(event.other_owner.as_deref().unwrap_or_default()),
            Cow::Owned(cell(&event.detail()).into_owned()),
            cell(&event.previous_hash),
            cell(&event.hash),
        ]
    }))
}

fn written<'a>(
    rows: impl Iterator<Item = [Cow<'a, str>; HEADER.len()]>,
) -> Result<Vec<u8>, CliError> {
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        let record = row.iter().map(|cell| cell.as_bytes());
        writer.write_record(record).map_err(|error| CliError::failed(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| CliError::failed(error.to_string()))
}

/// A text as a cell. One that a spreadsheet may take for a formula begins with an apostrophe, and
/// so does one that has an apostrophe of its own: a reader removes the first one.
fn cell(text: &str) -> Cow<'_, str> {
    // Programs remove white space before they look; some take the wide forms as well.
    let first = text.trim_start().chars().next();
    let is_formula = first.is_some_and(|c| "=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c));
    let is_control = text.starts_with(char::is_control);
    if is_formula || is_control || text.starts_with('\'') {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The texts that a reader gets back.
    fn read(bytes: &[u8]) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
        let records = reader.records().map(|record| record.expect("a record"));
        records.map(|record| record.iter().map(str::to_owned).collect()).collect()
    }

    fn event(actor: &str, detail: &serde_json::Value) -> ExportedEvent {
        let event = json!({
            "sequence": 7, "at": "2026-11-27T09:30:00Z", "actor": actor,
            "action": "client.created", "subject": "client/a", "owner": null,
            "other_owner": "shop", "detail": detail, "previous_hash": "", "hash": "-abc",
        });
        serde_json::from_value(event).expect("an event")
    }

    #[test]
    fn no_cell_is_a_formula_and_each_one_reads_back() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@a",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "'a",
            "''=",
            "a=b",
            "é\u{202e}",
            "＝1",
            "a,\"b\"\r\nc",
            "",
            "cli:ana",
        ] {
            let found = cell(text);
            let first = found.trim_start().chars().next();
            assert!(first.is_none_or(|c| !"=+-@＝".contains(c)), "{text:?}: {found:?}");
            assert_eq!(found.strip_prefix('\'').unwrap_or(&found), text);
            let bytes = rows([&event(text, &json!({}))].into_iter()).expect("rows");
            assert_eq!(read(&bytes)[0][2], found, "{text:?}");
        }
    }

    #[test]
    fn a_line_is_quoted_and_ends_as_the_standard_says() {
        let event = event("cli:ana", &json!({ "name": "a\"b\nc" }));
        let bytes = rows([&event].into_iter()).expect("rows");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let expected = "\"7\",\"2026-11-27T09:30:00Z\",\"cli:ana\",\"client.created\",\"client/a\",\
                        \"\",\"shop\",\"{\"\"name\"\":\"\"a\\\"\"b\\nc\"\"}\",\"\",\"'-abc\"\r\n";
        assert_eq!(text, expected);
        assert_eq!(read(&header().expect("a header"))[0], HEADER);
    }

    /// A detail that was changed by hand is a text, which may be anything.
    #[test]
    fn a_detail_that_is_not_json_is_shown_as_it_is() {
        let bytes = rows([&event("a", &json!("=cmd|'/C calc'!A0"))].into_iter()).expect("rows");
        assert_eq!(read(&bytes)[0][7], "'=cmd|'/C calc'!A0");
    }
}
