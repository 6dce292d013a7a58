//! Events as CSV (RFC 4180), written so that a spreadsheet does not read any cell as a formula.

use std::borrow::Cow;

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

/// The values of an event, in the order of the columns.
pub type Columns<'a> = [Cow<'a, str>; HEADER.len()];

/// Returns the header line.
///
/// # Errors
/// If the writer fails.
pub fn header() -> Result<Vec<u8>, csv::Error> {
    rows([HEADER.map(Cow::Borrowed)].into_iter())
}

/// Returns one line for each event.
///
/// # Errors
/// If the writer fails.
pub fn rows<'a>(events: impl Iterator<Item = Columns<'a>>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for event in events {
        writer.write_record(event.iter().map(|text| cell(text).into_owned()))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// Escapes a value for a cell. A value that a spreadsheet may take for a formula gets a leading
/// apostrophe. So does a value that begins with an apostrophe, so that readers can always remove
/// the first one.
fn cell(text: &str) -> Cow<'_, str> {
    // Spreadsheets skip leading white space, and some also accept the full-width forms.
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
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
        let records = reader.records().map(|record| record.expect("a record"));
        records.map(|record| record.iter().map(str::to_owned).collect()).collect()
    }

    fn event<'a>(actor: &'a str, detail: &'a str) -> Columns<'a> {
        let (at, action) = ("2026-11-27T09:30:00Z", "client.created");
        ["7", at, actor, action, "client/a", "", "shop", detail, "", "-abc"].map(Cow::Borrowed)
    }

    #[test]
    fn cells_are_never_formulas_and_round_trip() {
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
            let bytes = rows([event(text, "{}")].into_iter()).expect("rows");
            assert_eq!(read(&bytes)[0][2], found, "{text:?}");
        }
    }

    #[test]
    fn a_line_is_quoted_and_ends_as_the_standard_says() {
        let event = event("cli:ana", r#"{"name":"a\"b\nc"}"#);
        let bytes = rows([event].into_iter()).expect("rows");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let expected = "\"7\",\"2026-11-27T09:30:00Z\",\"cli:ana\",\"client.created\",\"client/a\",\
                        \"\",\"shop\",\"{\"\"name\"\":\"\"a\\\"\"b\\nc\"\"}\",\"\",\"'-abc\"\r\n";
        assert_eq!(text, expected);
        assert_eq!(read(&header().expect("a header"))[0], HEADER);
    }

    /// A detail that was changed by hand may be any text.
    #[test]
    fn a_detail_that_is_not_json_is_shown_as_it_is() {
        let bytes = rows([event("a", "=cmd|'/C calc'!A0")].into_iter()).expect("rows");
        assert_eq!(read(&bytes)[0][7], "'=cmd|'/C calc'!A0");
    }
}
