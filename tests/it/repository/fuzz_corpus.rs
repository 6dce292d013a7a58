//! Runs each fuzz target on its corpus, without a fuzzer.

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use self::targets::TARGETS;
use crate::support::files_below;

#[test]
fn every_target_accepts_its_corpus() {
    let mut failed = Vec::new();
    for (name, fuzz) in TARGETS {
        let inputs = files_below(&folder().join("corpus").join(name));
        assert!(inputs.len() >= 10, "{name} has {} inputs", inputs.len());
        for path in inputs {
            let bytes = fs::read(&path).expect("an input");
            if std::panic::catch_unwind(|| fuzz(&bytes)).is_err() {
                failed.push(path);
            }
        }
    }
    assert!(failed.is_empty(), "targets fail with these inputs: {failed:#?}");
}

/// A target that is missing in one of these places would not be fuzzed or tested.
#[test]
fn every_target_has_a_program_a_corpus_a_planted_defect_and_a_row_in_the_readme() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let text = |file: &str| fs::read_to_string(folder().join(file)).expect(file);
    let after = |file: &str, start: &str, end: &str| -> BTreeSet<String> {
        let text = text(file);
        let found = text.lines().filter_map(|line| line.strip_prefix(start)?.split_once(end));
        found.map(|(name, _)| name.to_owned()).collect()
    };
    let manifest = text("Cargo.toml");
    let programs: BTreeSet<String> = manifest
        .split("[[bin]]\nname = \"")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect();
    assert_eq!(programs, names, "fuzz/Cargo.toml");
    assert_eq!(after("README.md", "| `", "`"), names, "fuzz/README.md");
    let folders: BTreeSet<String> = fs::read_dir(folder().join("corpus"))
        .expect("a corpus")
        .map(|entry| entry.expect("a folder").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders, names, "fuzz/corpus");
    let planted: BTreeSet<String> = planted().into_iter().map(|(target, _, _)| target).collect();
    assert_eq!(planted, names, "fuzz/planted_bugs.txt");
    for (name, _) in TARGETS {
        let program = text(&format!("fuzz_targets/{name}.rs"));
        assert!(program.contains(&format!("tokend_fuzz::{name}::fuzz(data)")), "{name}");
    }
}

/// A defect can be planted only in a line that occurs exactly once.
#[test]
fn every_planted_defect_changes_one_line_of_the_source() {
    let source = files_below(&folder().join("../src"))
        .into_iter()
        .map(|path| fs::read_to_string(path).expect("a file"))
        .collect::<String>();
    for (target, old, new) in planted() {
        let count = source.matches(&old).count();
        assert_eq!(count, 1, "fuzz/planted_bugs.txt, {target}: {old}");
        assert_ne!(old, new, "fuzz/planted_bugs.txt, {target}");
    }
}

/// Returns the targets of `planted_bugs.txt`, each with the correct line and the defective one.
fn planted() -> Vec<(String, String, String)> {
    let text = fs::read_to_string(folder().join("planted_bugs.txt")).expect("planted_bugs.txt");
    let lines: Vec<_> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    lines
        .chunks(3)
        .map(|chunk| {
            let [target, old, new] = chunk else { panic!("three lines each: {chunk:?}") };
            let target = target.split_once(": ").expect("a target and what is wrong").0;
            let old = old.strip_prefix("- ").expect("the line as it is");
            let new = new.strip_prefix("+ ").expect("the line with the defect");
            (target.to_owned(), old.to_owned(), new.to_owned())
        })
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}
