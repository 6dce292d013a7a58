//! What the remedies say, and that the commands and options in them exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::cli::parser;
use crate::model::remedy::{OperatorAction, SubjectDifference, SubjectTrust, SubjectTrustKeys};

fn trust(difference: SubjectDifference, subject: &str, claims: &[(&str, &str)]) -> String {
    let action = OperatorAction::TrustSubject(Box::new(SubjectTrust {
        client_id: "deploy".to_owned(),
        difference,
        wanted: "acme/api".to_owned(),
        sent: "acme/web".to_owned(),
        issuer: "https://token.actions.githubusercontent.com".to_owned(),
        audience: "https://id.example.com".to_owned(),
        subject: subject.to_owned(),
        claims: claims.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        keys: SubjectTrustKeys::Discovered,
    }));
    of_rejection(&action.into(), None)
}

#[test]
fn the_command_that_trusts_a_subject_can_be_copied() {
    let main = "repo:acme@123/api@456:ref:refs/heads/main";
    for (difference, subject, claims, text) in [
        (
            SubjectDifference::IdsSent,
            main,
            &[("ref_protected", "true")][..],
            "tokend client trust add deploy --issuer https://token.actions.githubusercontent.com --audience https://id.example.com --subject repo:acme@123/api@456:ref:refs/heads/main --claim ref_protected=true",
        ),
        (
            SubjectDifference::NamesSent,
            "repo:acme/api:environment:*",
            &[("repository_owner_id", "123"), ("repository_id", "456")],
            "--subject 'repo:acme/api:environment:*' --claim repository_owner_id=123 --claim repository_id=456",
        ),
        (SubjectDifference::Renamed, main, &[], &format!("--subject {main}")),
    ] {
        let remedy = trust(difference, subject, claims);
        assert!(remedy.ends_with(text), "{remedy}");
    }
    let remedy = trust(SubjectDifference::IdsSentByAnother, main, &[]);
    assert!(remedy.contains("If acme/api was renamed to acme/web"), "{remedy}");
    let remedy = trust(SubjectDifference::OtherIds, main, &[]);
    assert!(remedy.contains("gh api repos/acme/web --jq '.owner.id, .id'"), "{remedy}");
}

#[test]
fn commands_name_the_client_of_the_rejection() {
    let of = |client| of_rejection(&OperatorAction::EnableClient.into(), client);
    assert!(of(Some("a b")).contains("tokend client enable 'a b'."));
    assert!(of(None).contains("tokend client enable ID."));
}

/// The options of all commands.
fn options_of(command: &clap::Command, options: &mut BTreeSet<String>) {
    options
        .extend(command.get_arguments().filter_map(|one| Some(format!("--{}", one.get_long()?))));
    command.get_subcommands().for_each(|inner| options_of(inner, options));
}

/// The files below a folder of the repository.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "html") {
            found.push(path);
        }
    }
}

/// The code of the files below a folder, by their names there: without comments and tests, and with
/// each text on one line.
fn code(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    files(&root, &mut found);
    let code = |path: &PathBuf| {
        let name = path.strip_prefix(&root).expect("a file of the folder").display().to_string();
        let text = std::fs::read_to_string(path).expect("a text");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let joined = lines.fold(String::new(), |joined, line| match joined.strip_suffix('\\') {
            Some(start) => format!("{start}{}", line.trim_start()),
            None => format!("{joined}\n{line}"),
        });
        (name, joined)
    };
    found.iter().map(code).filter(|(name, _)| !name.ends_with("tests.rs")).collect()
}

/// The word at the beginning of a text: the name of a command or of an option.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(text.len());
    &text[..end]
}

/// In texts of the program and in pages of the console. A word after `tokend` that is not a command
/// belongs to a sentence, unless the text is marked as code.
#[test]
fn commands_and_options_in_the_texts_exist() {
    // Those of other programs, and those that each command has.
    const OTHERS: [&str; 5] = ["--jq", "--env-file", "--help", "--version", "--raw"];
    let parser = parser();
    let mut options = BTreeSet::from(OTHERS.map(str::to_owned));
    options_of(&parser, &mut options);
    let mut commands = 0;
    for (name, text) in code("src").into_iter().chain(code("templates")) {
        for (start, _) in text.match_indices("tokend ") {
            let is_code = text[..start].ends_with(['`', '>']);
            let rest = &text[start + "tokend ".len()..];
            let first = word(rest);
            let Some(command) = parser.find_subcommand(first) else {
                let is_command = is_code && !first.is_empty() && !first.starts_with('-');
                assert!(!is_command, "{name}: tokend {first}");
                continue;
            };
            commands += 1;
            let second = rest[first.len()..].strip_prefix(' ').map(word).unwrap_or_default();
            let is_name = command.has_subcommands()
                && second.starts_with(|first: char| first.is_ascii_lowercase());
            assert!(
                !is_name || command.find_subcommand(second).is_some(),
                "{name}: tokend {first} {second}"
            );
        }
        for start in [" --", "\"--", "`--", "(--"] {
            for (position, _) in text.match_indices(start) {
                let option = word(&text[position + 1..]);
                let is_option = option.len() > 2 && !option.starts_with("---");
                assert!(!is_option || options.contains(option), "{name}: {option}");
            }
        }
    }
    assert!(commands > 200, "{commands} commands");
}

/// D15: an operator's command line stands here and nowhere else. Left out: examples, which are for
/// help, and the banner of `dev`, which is a screen.
#[test]
fn no_other_file_of_the_command_line_names_a_command_in_a_text() {
    const LEFT_OUT: [&str; 3] = ["examples", "dev_banner", "remedies"];
    let commands: Vec<_> = parser()
        .get_subcommands()
        .map(|command| format!("tokend {}", command.get_name()))
        .collect();
    let is_command = |text: &str| {
        commands.iter().any(|command| {
            text.match_indices(command.as_str()).any(|(start, _)| {
                !text[start + command.len()..].starts_with(|next: char| next.is_alphanumeric())
            })
        })
    };
    let mut files = 0;
    for (name, text) in code("src/cli") {
        if LEFT_OUT.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        files += 1;
        for line in text.lines() {
            assert!(!is_command(line), "{name}: {line}");
        }
    }
    assert!(files > 80, "{files} files");
}
