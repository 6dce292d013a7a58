//! Common parts of all help texts and completions: a heading for the global options, examples, and
//! the known values of arguments.
//!
//! Modifies the derived parser after it is built, so that each command defines only its own
//! arguments.

pub(super) mod completion;
mod completion_candidates;
mod examples;
pub(super) mod man;

use std::any::TypeId;
use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, StyledStr, TypedValueParser};
use clap::{Arg, Command, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use crate::model::client::{AuthenticationMethod, ClientState, GrantType};
use crate::model::event::Action;
use crate::model::grant_request::GrantRequestState;
use crate::model::leak_policy::LeakPolicy;
use crate::model::signing_key::Algorithm;

const GLOBAL_HEADING: &str = "Global options";

/// Completes the help texts of a parser and all its subcommands.
pub(crate) fn complete(parser: Command) -> Command {
    complete_below(parser, "")
}

/// Like [`complete`], for the command at `path`, such as `client trust`; empty for the program.
fn complete_below(command: Command, path: &str) -> Command {
    let name_of = |command: &Command| match path {
        "" => command.get_name().to_owned(),
        path => format!("{path} {}", command.get_name()),
    };
    let command =
        command.mut_args(|argument| improved(argument, path)).mut_subcommands(|subcommand| {
            let name = name_of(&subcommand);
            complete_below(subcommand, &name)
        });
    let command = match command.get_about().map(styled) {
        Some(about) => command.about(about),
        None => command,
    };
    match examples::find(path) {
        Some(text) => command.after_help(text),
        None => command,
    }
}

fn improved(argument: Arg, path: &str) -> Arg {
    let argument = match argument.get_help().map(styled) {
        Some(help) => argument.help(help),
        None => argument,
    };
    let argument =
        if argument.is_global_set() { argument.help_heading(GLOBAL_HEADING) } else { argument };
    // The value parser of a type other than `String` must stay.
    if argument.get_value_parser().type_id() != TypeId::of::<String>() {
        return argument;
    }
    let argument = match known_values(argument.get_long().unwrap_or_default(), path) {
        Some(values) => argument.value_parser(KnownValues(values)),
        // Without a hint, shells offer file names.
        None if argument.get_value_hint() == ValueHint::Unknown => {
            argument.value_hint(ValueHint::Other)
        }
        None => argument,
    };
    match completer(&argument, path) {
        Some(completer) => argument.add(completer),
        None => argument,
    }
}

/// Returns the completer of existing objects for an argument of the command at `path`.
fn completer(argument: &Arg, path: &str) -> Option<ArgValueCompleter> {
    let creates = path.ends_with(" create");
    let of_client = path.starts_with("client ") && argument.get_id() == "id" && !creates;
    let of_resource = path.starts_with("resource ") && argument.get_id() == "uri" && !creates;
    match argument.get_long() {
        Some("client") => Some(ArgValueCompleter::new(completion_candidates::clients)),
        None if of_client => Some(ArgValueCompleter::new(completion_candidates::clients)),
        Some("resource" | "grant") => {
            Some(ArgValueCompleter::new(completion_candidates::resources))
        }
        None if of_resource => Some(ArgValueCompleter::new(completion_candidates::resources)),
        Some("set") => Some(ArgValueCompleter::new(completion_candidates::settings)),
        _ => None,
    }
}

/// Styles a help text: code spans are bold on a terminal, and plain elsewhere.
fn styled(text: &StyledStr) -> StyledStr {
    let mut found = String::new();
    for (position, part) in text.to_string().split('`').enumerate() {
        match position % 2 {
            0 => found.push_str(part),
            _ => found.push_str(&format!("\x1b[1m{part}\x1b[0m")),
        }
    }
    StyledStr::from(found)
}

/// Returns the known values of an option.
fn known_values(option: &str, path: &str) -> Option<Vec<&'static str>> {
    Some(match option {
        "action" => Action::ALL.map(Action::as_str).to_vec(),
        "auth-method" => AuthenticationMethod::ALL.map(AuthenticationMethod::as_str).to_vec(),
        "signing-alg" => Algorithm::ALL.map(Algorithm::as_str).to_vec(),
        "leak-policy" => LeakPolicy::ALL.map(LeakPolicy::as_str).to_vec(),
        "state" if path.starts_with("grant-request") => {
            GrantRequestState::ALL.map(GrantRequestState::as_str).to_vec()
        }
        "state" => [ClientState::Active, ClientState::Disabled].map(ClientState::as_str).to_vec(),
        "grant-type" => vec!["client_credentials", GrantType::JWT_BEARER],
        _ => return None,
    })
}

/// Accepts any text, and lists the known values for help and completion. The command rejects other
/// values with its own error.
#[derive(Debug, Clone)]
struct KnownValues(Vec<&'static str>);

impl TypedValueParser for KnownValues {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|value| PossibleValue::new(*value))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parser;

    /// Collects every command of a parser with its path.
    fn commands(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
        found.push((path.to_owned(), command.clone()));
        for subcommand in command.get_subcommands() {
            commands(subcommand, &format!("{path} {}", subcommand.get_name()), found);
        }
    }

    #[test]
    fn every_help_text_is_plain_and_ends_with_global_options_and_examples() {
        let mut parser = parser();
        parser.build();
        let mut found = Vec::new();
        commands(&parser, "tokend", &mut found);
        assert!(found.len() > 30);
        for (path, mut command) in found {
            if path.contains(" help") {
                continue;
            }
            let help = command.render_long_help().to_string();
            assert!(!help.contains('`'), "{path}: {help}");
            assert!(help.contains("\nExamples:\n  # "), "{path} has no example");
            let (own, global) = help.split_once("Global options:").expect("a heading");
            for option in ["--config <FILE>", "--set <KEY=VALUE>", "--output <OUTPUT>"] {
                assert!(global.contains(option) && !own.contains(option), "{path}: {option}");
            }
        }
    }

    #[test]
    fn every_example_parses() {
        let parser = parser();
        for line in examples::lines() {
            let start = line.find("tokend ").expect("a command");
            let words = line[start..].split_whitespace().map(|word| word.trim_end_matches(')'));
            let words = words.take_while(|word| !matches!(*word, "<" | ">" | "|"));
            let parsed = parser.clone().try_get_matches_from(words);
            assert!(parsed.is_ok(), "{line}: {}", parsed.expect_err("an error"));
        }
    }

    #[test]
    fn known_values_are_offered_and_others_are_still_taken() {
        let values = |path: [&str; 2], option: &str| -> Vec<String> {
            let parser = parser();
            let command = parser.find_subcommand(path[0]).expect("a group");
            let command = command.find_subcommand(path[1]).expect("a command");
            let argument = command.get_arguments().find(|a| a.get_long() == Some(option));
            let values = argument.expect("an option").get_possible_values();
            values.iter().map(|value| value.get_name().to_owned()).collect()
        };
        assert!(values(["client", "create"], "auth-method").contains(&"tls_client_auth".into()));
        assert!(values(["client", "update"], "grant-type").contains(&"client_credentials".into()));
        assert_eq!(values(["client", "list"], "state"), ["active", "disabled"]);
        assert!(values(["grant-request", "list"], "state").contains(&"pending".into()));
        assert!(values(["resource", "update"], "signing-alg").contains(&"EdDSA".into()));
        let other = ["tokend", "client", "create", "a", "--grant-type", "urn:x:y"];
        assert!(parser().try_get_matches_from(other).is_ok());
    }
}
