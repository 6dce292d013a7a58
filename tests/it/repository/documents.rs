//! Consistency of the documents and the code: ids are defined, links resolve.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tokend::store::schema;

use crate::support::files_below;

/// Names that look like ids of requirements: elliptic curves.
const CURVES: [&str; 3] = ["P-256", "P-384", "P-521"];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files with this extension in a folder and its subfolders, sorted.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = files_below(folder);
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the Markdown files for people.
fn pages() -> Vec<PathBuf> {
    let mut pages = files(&root().join("docs"), "md");
    let at_root = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
    pages.extend(at_root.map(|name| root().join(name)));
    pages
}

/// Returns the ids in a text: `C-34`, `SECURITY 16`, and `D14` if `is_comment` is true.
pub fn cited(text: &str, is_comment: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut after_security = false;
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        if after_security && is_number {
            found.push(format!("SECURITY {word}"));
        } else if !word.is_empty() {
            after_security = word == "SECURITY";
        }
        let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
        if let Some((letters, rest)) = word.split_once('-') {
            let is_prefix = (1..=2).contains(&letters.len())
                && letters.bytes().all(|byte| byte.is_ascii_uppercase());
            if is_prefix && number(rest) && !CURVES.contains(&word) {
                found.push(word.to_owned());
            }
        } else if is_comment && word.len() <= 3 && word.strip_prefix('D').is_some_and(number) {
            found.push(word.to_owned());
        }
    }
    found
}

/// Returns the ids that requirements.md defines: the first cell of each row, except in the table of
/// ids without a test.
pub fn defined() -> BTreeSet<String> {
    let mut defined = BTreeSet::new();
    let page = read(&root().join("docs/requirements.md"));
    let tables = page.split("\n## Held without a test\n").next().expect("the tables");
    for line in tables.lines() {
        let Some(id) = line.strip_prefix("| ").and_then(|rest| rest.split(" |").next()) else {
            continue;
        };
        if id.bytes().any(|byte| byte.is_ascii_digit()) {
            assert!(defined.insert(id.to_owned()), "requirements.md defines {id} twice");
        }
    }
    assert!(defined.len() > 300, "the tables are read wrongly: {}", defined.len());
    defined
}

#[test]
fn every_cited_id_is_defined() {
    let defined = defined();
    let mut unknown = BTreeMap::new();
    let folders = ["src", "tests", "benches", "crates", "examples", "fuzz", "migrations", "config"];
    for extension in ["rs", "sql", "toml", "mjs", "py"] {
        for path in folders.iter().flat_map(|folder| files(&root().join(folder), extension)) {
            for line in read(&path).lines() {
                let is_comment = line.trim_start().starts_with("//");
                let ids = cited(line, is_comment).into_iter();
                for id in ids.filter(|id| !defined.contains(id)) {
                    unknown.entry(id).or_insert(path.clone());
                }
            }
        }
    }
    for path in pages() {
        for id in cited(&read(&path), false).into_iter().filter(|id| !defined.contains(id)) {
            unknown.entry(id).or_insert(path.clone());
        }
    }
    assert!(unknown.is_empty(), "docs/requirements.md does not define: {unknown:#?}");
}

/// A reader has only the repository: references to an issue, or to a section of another paper, are
/// useless.
#[test]
fn comments_cite_nothing_outside_the_repository() {
    let is_lost = |line: &str| {
        let line = line.trim_start();
        let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//"));
        let Some(comment) = comment.map(str::trim_start) else { return false };
        let after_name =
            ["Line ", "Lines ", "Issue "].iter().find_map(|name| comment.strip_prefix(name));
        after_name.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
            || ["UX §", "STYLE §", "DESIGN §"].iter().any(|paper| comment.contains(paper))
    };
    assert!(is_lost("    /// Line 6: an id") && is_lost("// UX §2.5") && !is_lost("/// Lines of"));
    for path in
        ["src", "tests", "benches"].iter().flat_map(|folder| files(&root().join(folder), "rs"))
    {
        let text = read(&path);
        let lost: Vec<_> = text.lines().filter(|line| is_lost(line)).collect();
        assert!(lost.is_empty(), "{}: {lost:?}", path.display());
    }
}

#[test]
fn ids_are_found_in_each_form() {
    assert_eq!(
        cited("/// SECURITY 7, 22 (C-34): P-256", true),
        ["SECURITY 7", "SECURITY 22", "C-34"]
    );
    assert_eq!(cited("D14, D2; UTF-8, A-1b", true), ["D14", "D2"]);
    assert!(cited("let d = D2;", false).is_empty());
}

/// Returns a page without its blocks of code.
fn prose(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push(line);
        }
    }
    lines
}

/// Returns the anchors that GitHub generates for headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(text).into_iter().filter(|line| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let anchor: String = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let mut unique = anchor.clone();
        let mut count = 0;
        while !anchors.insert(unique.clone()) {
            count += 1;
            unique = format!("{anchor}-{count}");
        }
    }
    anchors
}

/// Returns the targets of the links on a page.
fn links(text: &str) -> Vec<String> {
    let text = prose(text).join("\n");
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
        .map(str::to_owned)
        .collect()
}

/// Returns a path without `..`; `None` if it leaves the repository, like a link to a page of the
/// host.
fn within_repository(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.strip_prefix(root()).ok()?.components() {
        match part {
            std::path::Component::ParentDir if !plain.pop() => return None,
            std::path::Component::ParentDir => {}
            other => plain.push(other),
        }
    }
    Some(root().join(plain))
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    let mut count = 0;
    for page in pages() {
        for link in links(&read(&page)) {
            count += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => Some(page.clone()),
                path => within_repository(&page.parent().expect("a folder").join(path)),
            };
            let Some(target) = target else { continue };
            let is_found =
                target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !is_found {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(count > 50, "the links are read wrongly: {count}");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn broken_links_are_noticed() {
    let page = "[a](b.md#c) `x` [d](https://e)\n```\n[f](g)\n```\n## It's `h`\n## It's `h`";
    assert_eq!(links(page), ["b.md#c"]);
    assert_eq!(anchors(page), BTreeSet::from(["its-h".to_owned(), "its-h-1".to_owned()]));
    let page = root().join("docs/page.md");
    let beside = |link: &str| within_repository(&page.parent().expect("a folder").join(link));
    assert_eq!(beside("../README.md"), Some(root().join("README.md")));
    assert_eq!(beside("../../security/advisories/new"), None);
}

/// Every failure there can be reproduced on any machine.
#[test]
fn every_step_of_the_workflows_is_a_make_target() {
    let makefile = read(&root().join("Makefile"));
    let has_rule = |target: &str| {
        makefile
            .lines()
            .any(|line| line.strip_prefix(target).is_some_and(|rest| rest.starts_with(':')))
    };
    let workflows = files(&root().join(".github/workflows"), "yml");
    let texts: Vec<_> = workflows.iter().map(|path| read(path)).collect();
    let steps: Vec<_> = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("run:"))
        .map(str::trim)
        .collect();
    assert!(steps.len() > 8, "the workflows are read wrongly: {steps:?}");
    for step in steps {
        let target = step.strip_prefix("make ").unwrap_or_default();
        assert!(has_rule(target), "{step:?} is not a target of the Makefile");
    }
}

/// SECURITY 41: the audit of dependencies is a step of both workflows, and the page for reporters
/// links to the private form.
#[test]
fn dependencies_are_checked_and_reports_are_private() {
    for workflow in ["ci.yml", "nightly.yml"] {
        let steps = read(&root().join(".github/workflows").join(workflow));
        assert!(steps.contains("run: make deny\n"), "{workflow}");
    }
    assert!(read(&root().join(".ci/deny")).contains("cargo deny --locked check advisories"));
    let page = read(&root().join("SECURITY.md"));
    assert!(page.contains("(../../security/advisories/new)"), "{page}");
}

/// Numbers in samples that change with a migration or a setting.
#[test]
fn samples_have_the_numbers_of_this_program() {
    let newest = schema::NEWEST;
    let pending = schema::pending(0);
    let settings = read(&root().join("docs/settings.md"));
    let settings = settings.lines().filter(|line| line.starts_with("| [`")).count();
    for (page, sample) in [
        ("backup.md", format!("\"schema\":{newest},")),
        (
            "operations.md",
            format!(
                "schema      0 of {newest}: tokend migrate, or the start, would apply {pending}\n"
            ),
        ),
        ("operations/doctor.md", format!("schema               schema {newest} of {newest}\n")),
        ("operations/doctor.md", format!("settings             {settings} settings\n")),
    ] {
        let text = read(&root().join("docs").join(page));
        assert!(text.contains(&sample), "docs/{page} does not have: {sample}");
    }
}
