//! Checks that commands and options in texts exist, and that only remedies name them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::parser;

/// Collects the options of all commands.
fn options_of(command: &clap::Command, options: &mut BTreeSet<String>) {
    options
        .extend(command.get_arguments().filter_map(|one| Some(format!("--{}", one.get_long()?))));
    command.get_subcommands().for_each(|inner| options_of(inner, options));
}

/// Collects the files below a directory of the repository.
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

/// Returns the names and the code of the files below a directory. Comments and tests are removed,
/// and each string literal is on one line.
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

/// Returns the first word of a text: the name of a command or an option.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(text.len());
    &text[..end]
}

/// Covers the texts of the program and the pages of the console. A word after `tokend` that is not
/// a command is part of a sentence, unless the text is marked as code.
#[test]
fn commands_and_options_in_the_texts_exist() {
    // Options of other programs, and options that every command has.
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

/// True if a text contains one of these words, such as a command or an option, as a whole word.
fn names(text: &str, words: &BTreeSet<String>) -> bool {
    let is_part = |next: char| next.is_ascii_alphanumeric() || next == '-' || next == '_';
    words.iter().any(|word| {
        let mut places = text.match_indices(word.as_str());
        places.any(|(start, _)| {
            let is_whole = !text[start + word.len()..].starts_with(is_part);
            is_whole && !text[..start].ends_with(is_part)
        })
    })
}

/// D15: only remedies contain command lines for the operator. Exceptions are the examples of help
/// texts, the banner of `dev`, and the console, whose pages show the equivalent command.
#[test]
fn only_remedies_name_commands_and_options() {
    const LEFT_OUT: [&str; 5] =
        ["cli/dev/banner", "cli/help/examples", "cli/remedies", "remedies/", "web/console/"];
    // The name of a source of settings is printed with each setting.
    const NAMES_OF_SOURCES: &str = "config/command_variables.rs";
    let parser = parser();
    let commands =
        parser.get_subcommands().map(|command| format!("tokend {}", command.get_name())).collect();
    let mut options = BTreeSet::new();
    options_of(&parser, &mut options);
    assert!(names("To list them: tokend client list", &commands) && names("(--url)", &options));
    assert!(!names("tokend serves", &commands) && !names("--url-of", &options));
    let mut files = 0;
    for (name, text) in code("src") {
        if LEFT_OUT.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        files += 1;
        let may_name_options = name.starts_with("cli/") || name == NAMES_OF_SOURCES;
        // The first argument of a digest is not a text for the operator.
        for line in text.lines().filter(|line| !line.contains("digest::compute(")) {
            assert!(!names(line, &commands), "{name}: {line}");
            assert!(may_name_options || !names(line, &options), "{name}: {line}");
        }
    }
    assert!(files > 500, "{files} files");
}
