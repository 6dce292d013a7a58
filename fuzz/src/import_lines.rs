//! A file of clients of another system, with a JSON object on each line.

use serde_json::Value;

use super::input::text;
use super::subject::read_import;

/// The maximum number of lines in a report: a summary, twenty problems, and the number of further
/// ones.
const MAX_LINES: usize = 22;

/// The mark of secrets that must not be in a report. Other words may be in it by chance.
const MARK: &str = "hush-";

/// Reads the input as a file.
pub fn fuzz(data: &[u8]) {
    match read_import(data) {
        Ok(ids) => {
            let text = text(data).expect("only UTF-8 is accepted").trim_start_matches('\u{feff}');
            let lines: Vec<_> = text.split('\n').filter(|line| !line.trim().is_empty()).collect();
            assert_eq!(ids.len(), lines.len(), "a client for each line");
            for (id, line) in ids.iter().zip(lines) {
                // White space at the end of a line is dropped, also characters that JSON does not
                // allow there.
                let client: Value = serde_json::from_str(line.trim_end()).expect("JSON");
                assert_eq!(client["client_id"], id.as_str());
            }
        }
        Err(error) => {
            let report = error.to_string();
            assert!(report.lines().count() <= MAX_LINES, "{report}");
            let is_safe = |c: char| c == '\n' || !c.is_control();
            assert!(report.chars().all(is_safe), "a control character: {report:?}");
            let lines = text(data).unwrap_or_default();
            for secret in lines.lines().flat_map(secrets) {
                // A text that also occurs elsewhere may be repeated from there.
                let is_unique = lines.matches(&secret).count() == 1 && !lines.contains('\\');
                let is_told = is_unique && report.contains(&secret);
                assert!(!is_told, "a secret is in the report: {report}");
            }
        }
    }
}

/// Returns the secrets and hashes in a line, even if the rest of it is invalid.
fn secrets(line: &str) -> Vec<String> {
    let Ok(client) = serde_json::from_str::<Value>(line) else { return Vec::new() };
    let listed = client["secrets"].as_array().cloned().unwrap_or_default();
    std::iter::once(&client)
        .chain(&listed)
        .flat_map(|object| [&object["client_secret"], &object["secret_hash"]])
        .filter_map(|value| value.as_str().filter(|text| text.contains(MARK)))
        .map(str::to_owned)
        .collect()
}
