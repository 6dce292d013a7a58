//! The types and commands in the glossary exist.

use std::process::Command;

use crate::repository::documents::{files, root};
use crate::support::process::program;

/// Returns the cells of the rows of all tables in the glossary.
fn rows() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("docs/glossary.md")).expect("the glossary");
    text.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// Returns every text in backticks.
fn code() -> Vec<String> {
    let cells = rows().concat();
    cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// D13: one name in code and documentation.
#[test]
fn every_type_of_the_glossary_exists() {
    let sources: String = ["src", "crates"]
        .iter()
        .flat_map(|folder| files(&root().join(folder), "rs"))
        .map(|path| std::fs::read_to_string(path).expect("a file"))
        .collect();
    let is_defined = |name: &str| {
        ["struct", "enum", "trait", "type"].iter().any(|kind| {
            let definition = format!("{kind} {name}");
            sources.match_indices(&definition).any(|(position, _)| {
                let rest = &sources[position + definition.len()..];
                !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
            })
        })
    };
    let code = code();
    let is_type = |name: &&String| {
        name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric())
            && name.chars().any(|c| c.is_ascii_lowercase())
    };
    let types: Vec<_> = code.iter().filter(is_type).collect();
    assert!(types.len() > 40, "the tables are read wrongly: {types:?}");
    let missing: Vec<_> = types.into_iter().filter(|name| !is_defined(name)).collect();
    assert!(missing.is_empty(), "the glossary names types that do not exist: {missing:?}");
}

/// D13: one name on the command line and in documentation.
#[test]
fn every_command_of_the_glossary_exists() {
    let code = code();
    let commands: Vec<_> = code.iter().filter_map(|text| text.strip_prefix("tokend ")).collect();
    assert!(commands.len() > 10, "the tables are read wrongly: {commands:?}");
    for command in commands {
        let words = command.split(' ').chain(["--help"]);
        let run = Command::new(program()).args(words).env_clear().output().expect("the program");
        assert!(run.status.success(), "tokend {command} does not exist");
    }
}

#[test]
fn every_term_is_unique_and_sorted() {
    let text = std::fs::read_to_string(root().join("docs/glossary.md")).expect("the glossary");
    let sections: Vec<_> = text.split("\n## ").skip(1).collect();
    assert_eq!(sections.len(), 2, "a table for users, and one for the code");
    for section in sections {
        let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
        let terms: Vec<_> = rows
            .map(|row| row.split(" | ").next().unwrap_or_default())
            .map(|term| term.trim_matches('`').to_lowercase())
            .skip(1)
            .collect();
        assert!(terms.len() > 20, "the table is read wrongly: {terms:?}");
        let mut sorted = terms.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(terms, sorted);
    }
}
