//! Every requirement has a test that cites its id, or the page says how it is held without one.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository::documents::{cited, defined, files, read, root};

const PAGE: &str = "docs/requirements.md";

/// The section of the page with the ids that no test can hold.
const WITHOUT_A_TEST: &str = "\n## Held without a test\n";

/// Returns the ids that tests in a source file cite: in the comment above a test, or in its body.
fn cited_by_tests(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut above, mut is_test) = (String::new(), false);
    // The line that ends the test.
    let mut end: Option<String> = None;
    for line in source.lines() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let is_function = ["fn ", "async fn "].iter().any(|start| code.starts_with(start));
        let is_attribute_of_test =
            ["#[test]", "#[tokio::test", "#[rstest]"].iter().any(|start| code.starts_with(start));
        if let Some(last) = &end {
            if code.starts_with("//") {
                found.extend(cited(line, true));
            }
            if line == last {
                end = None;
            }
        } else if let Some(comment) = code.strip_prefix("///") {
            above.push_str(comment);
        } else if is_attribute_of_test {
            is_test = true;
        } else if is_test && is_function {
            found.extend(cited(&format!("//{above}"), true));
            end = Some(format!("{indent}}}"));
            (above, is_test) = (String::new(), false);
        } else if !is_test && !code.starts_with("#[") {
            above.clear();
        }
    }
    found
}

/// Returns the descriptions on the page for the ids without a test.
fn held_without_a_test() -> BTreeMap<String, String> {
    let page = read(&root().join(PAGE));
    let section = page.split_once(WITHOUT_A_TEST).expect("a section").1;
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.filter_map(|row| row.split_once(" | "));
    rows.filter(|(id, _)| *id != "Id").map(|(id, how)| (id.to_owned(), how.to_owned())).collect()
}

#[test]
fn every_requirement_is_held() {
    let folders = ["tests", "src", "crates", "examples"];
    let sources = folders.iter().flat_map(|folder| files(&root().join(folder), "rs"));
    let held: BTreeSet<String> = sources.flat_map(|path| cited_by_tests(&read(&path))).collect();
    let (defined, otherwise) = (defined(), held_without_a_test());
    let missing: Vec<_> =
        defined.iter().filter(|id| !held.contains(*id) && !otherwise.contains_key(*id)).collect();
    assert!(missing.is_empty(), "no test cites these, and {PAGE} does not say why: {missing:?}");
    for (id, how) in &otherwise {
        assert!(defined.contains(id), "{PAGE} does not define {id}");
        assert!(!held.contains(id), "a test holds {id}: {how}");
        assert!(how.len() > 20, "{id}: {how:?} does not say how it is held");
    }
}

#[test]
fn only_a_test_holds_a_requirement() {
    let source = "
/// C-01: a helper.
fn ask() {
    // C-02
}

/// C-03 (SECURITY
/// 4): a test.
#[rstest]
#[tokio::test(flavor = \"multi_thread\")]
async fn a_test() {
    // D5: a part of it.
    let it = || {
    };
}

/// C-06
const ABOVE: u8 = 1;
#[test]
fn another_test() {}
}
";
    let found: Vec<_> = cited_by_tests(source).into_iter().collect();
    assert_eq!(found, ["C-03", "D5", "SECURITY 4"]);
}

/// The sample on the page equals the output of the command.
#[test]
fn the_sample_of_the_page_is_true() {
    let page = read(&root().join(PAGE));
    let sample = page.split("```console\n$ grep -r '").nth(1).expect("a sample");
    let (id, rest) = sample.split_once("' tests\n").expect("a command");
    let shown = rest.split("```").next().expect("an output");
    let mut printed = String::new();
    for path in files(&root().join("tests"), "rs") {
        let name = path.strip_prefix(root()).expect("a file of the repository");
        for line in read(&path).lines().filter(|line| line.contains(id)) {
            printed.push_str(&format!("{}:{line}\n", name.display()));
        }
    }
    assert_eq!(shown, printed);
}
