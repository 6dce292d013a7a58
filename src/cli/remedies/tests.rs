//! What the remedies say, and that the commands and options in them exist.

use std::path::Path;

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

/// The names of all commands and options.
fn words_of(command: &clap::Command, words: &mut Vec<String>) {
    words.push(command.get_name().to_owned());
    words.extend(command.get_arguments().filter_map(|one| Some(format!("--{}", one.get_long()?))));
    command.get_subcommands().for_each(|inner| words_of(inner, words));
}

#[test]
fn commands_and_options_in_the_texts_exist() {
    let mut known = Vec::new();
    words_of(&parser(), &mut known);
    let text = concat!(
        include_str!("../remedies.rs"),
        include_str!("../../web/remedies.rs"),
        include_str!("command.rs"),
        include_str!("command_line.rs"),
        include_str!("server.rs")
    );
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    let word = |rest: &str| rest.split(|c| !is_part(c)).next().unwrap_or_default().to_owned();
    let options = [" --", "\"--"].into_iter().flat_map(|start| text.split(start).skip(1));
    let options = options.map(|rest| format!("--{}", word(rest)));
    let commands = text.split("tokend client ").skip(1).map(word);
    for name in options.chain(commands) {
        assert!(known.contains(&name), "{name}");
    }
}

/// D15: an operator's command line stands here and nowhere else. Left out: examples, which are for
/// help, and the banner of `dev`, which is a screen.
#[test]
fn no_other_file_names_a_command_in_a_text() {
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        if path.is_dir() || ["examples.rs", "dev_banner.rs", "remedies.rs"].contains(&&*name) {
            continue;
        }
        files += 1;
        let text = std::fs::read_to_string(&path).expect("a text");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            assert!(!is_command(line), "{name}: {line}");
        }
    }
    assert!(files > 40, "{files} files");
}
