//! Generated text in the documentation: a test fails if a page is not current. `make docs` runs the
//! same tests with `UPDATE_DOCS` set, which writes the pages.

use std::path::{Path, PathBuf};

const VARIABLE: &str = "UPDATE_DOCS";

fn path_of(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(page)
}

/// Returns the text of a file in the repository.
pub fn read(page: &str) -> String {
    std::fs::read_to_string(path_of(page)).expect("a page")
}

/// Fails unless the page has this text, or writes it if `UPDATE_DOCS` is set.
pub fn assert_current(page: &str, expected: &str) {
    let current = std::fs::read_to_string(path_of(page)).unwrap_or_default();
    if current == expected {
        return;
    }
    if std::env::var_os(VARIABLE).is_some() {
        return std::fs::write(path_of(page), expected).expect("the page is written");
    }
    let line = current.lines().zip(expected.lines()).position(|(is, should)| is != should);
    let line = line.unwrap_or_else(|| current.lines().count().min(expected.lines().count()));
    let text = |page: &str| page.lines().nth(line).unwrap_or_default().to_owned();
    panic!(
        "{page} is not current; run: make docs\nline {}: {:?}\nshould be: {:?}",
        line + 1,
        text(&current),
        text(expected)
    );
}

/// Returns a page with the text between its markers replaced. Each block has a name.
pub fn with_blocks(page: &str, blocks: &[(&str, String)]) -> String {
    let mut text = read(page);
    let mut at = 0;
    for (name, body) in blocks {
        let begin = format!("<!-- begin {name}: generated from benches/RESULTS.md -->\n");
        let end = format!("<!-- end {name} -->");
        let start = text[at..].find(&begin).map(|start| at + start + begin.len());
        let start = start.unwrap_or_else(|| panic!("{page} has no marker {begin}"));
        let stop = text[start..].find(&end).map(|stop| start + stop);
        let stop = stop.unwrap_or_else(|| panic!("{page} has no marker {end}"));
        text.replace_range(start..stop, &format!("\n{}\n\n", body.trim()));
        at = start;
    }
    text
}
