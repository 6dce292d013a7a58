//! The log as JSON: every kind of line has the fields that `docs/logs.md` lists, and no others.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::listeners::stopping::ask;
use crate::repository::documents::{files, root};
use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::{Answer, Engine, ORDERS, client};

/// A kind of line: one logging statement of the source.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    message: String,
    level: String,
    fields: Vec<String>,
}

/// Splits the arguments of a macro at commas outside of brackets and strings.
fn arguments(text: &str) -> Vec<String> {
    let (mut found, mut depth, mut is_text, mut is_escaped) =
        (vec![String::new()], 0, false, false);
    for character in text.chars() {
        let last = found.last_mut().expect("an argument");
        match character {
            '"' if !is_escaped => is_text = !is_text,
            '(' | '[' | '{' if !is_text => depth += 1,
            ')' if !is_text && depth == 0 => break,
            ')' | ']' | '}' if !is_text => depth -= 1,
            ',' if !is_text && depth == 0 => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
        last.push(character);
    }
    found.iter().map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}

/// Returns the text of a literal; continued lines are joined.
fn literal(argument: &str) -> Option<String> {
    let text = argument.strip_prefix('"')?.strip_suffix('"')?;
    let lines: Vec<_> = text.split("\\\n").collect();
    let rest = lines[1..].iter().map(|line| line.trim_start());
    Some(lines[..1].iter().copied().chain(rest).collect())
}

/// Returns the name of a field: `a`, `%a`, `?a`, `a.b = …`.
fn field(argument: &str) -> String {
    let name = argument.split('=').next().unwrap_or_default();
    name.trim().trim_start_matches(['%', '?']).to_owned()
}

/// The fields that are omitted if they have no value.
const OPTIONAL: [&str; 5] = ["trace_id", "http.route", "client.id", "scope", "reason_code"];

/// Returns every kind of line in the source, except those of unit tests.
fn kinds() -> Vec<Kind> {
    let mut found = Vec::new();
    for path in files(&root().join("src"), "rs") {
        let text = std::fs::read_to_string(&path).expect("a file");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for level in ["error", "warn", "info", "debug", "trace"] {
            for call in text.split(&format!("tracing::{level}!(")).skip(1) {
                let arguments = arguments(call);
                let place = arguments.iter().position(|argument| literal(argument).is_some());
                let place = place.unwrap_or_else(|| panic!("no message: {}", path.display()));
                let message = literal(&arguments[place]).expect("a message");
                let fields = arguments[..place].iter().map(|one| field(one)).collect();
                found.push(Kind { message, level: level.to_uppercase(), fields });
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// True if a message is of this kind; each `{…}` matches anything.
fn is_of(kind: &Kind, message: &str) -> bool {
    let mut parts = kind.message.split('{').map(|part| part.rsplit('}').next().unwrap_or(part));
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = message.strip_prefix(first) else { return false };
    let mut has_place = false;
    for part in parts {
        has_place = true;
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    has_place || rest.is_empty()
}

#[test]
fn the_page_lists_every_kind_of_line() {
    let kinds = kinds();
    assert!(kinds.len() > 40, "only {} kinds are found", kinds.len());
    let mut table = String::from("| Message | Level | Fields |\n|---|---|---|\n");
    for Kind { message, level, fields } in &kinds {
        let fields: Vec<_> = fields.iter().map(|name| format!("`{name}`")).collect();
        let message = message.replace('|', "\\|");
        table.push_str(&format!("| {message} | {level} | {} |\n", fields.join(", ")));
    }
    let page = std::fs::read_to_string(root().join("docs/logs.md")).expect("docs/logs.md");
    assert!(page.contains(&table), "put this into docs/logs.md:\n{table}");
}

/// Returns the log lines of a server that starts, serves, rejects, follows changes and stops.
async fn lines() -> Vec<BTreeMap<String, Value>> {
    let level = "info,tokend=debug";
    let cli = Cli::new(Engine::Sqlite)
        .await
        .set("TOKEND_LOG_FORMAT", "json")
        .set("TOKEND_LOG_LEVEL", level);
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let made = cli.json(&["client", "create", "A", "--id", "a", "--grant", ORDERS]);
    let mut server = cli.serve().await;
    let secret = made["client_secret"].as_str().expect("a secret");
    ask(&server.base, "a", secret).await.token();
    ask(&server.base, "a", "wrong").await.assert_rejected(401, "invalid_client");
    for (base, path) in [(&server.base, "/.well-known/jwks.json"), (&server.management, "/v1/x")] {
        Answer::of(client().get(format!("{base}{path}"))).await;
    }
    cli.json(&["client", "disable", "a"]);
    let until = async |text: &str| {
        eventually(text, async || server.log().contains(text).then_some(())).await;
    };
    until("client.disabled").await;
    server.signal("HUP");
    until("no setting has changed").await;
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
    let line = |text: &str| serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    server.log().lines().map(line).collect()
}

/// O-12, O-67: each line is one object, none comes from a library, and the page lists the kind of
/// each.
#[tokio::test(flavor = "multi_thread")]
async fn each_line_has_the_fields_that_the_page_lists() {
    let kinds = kinds();
    let mut seen = Vec::new();
    for line in lines().await {
        let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{name}: {line:?}"));
        assert!(text("timestamp").ends_with('Z'), "{line:?}");
        assert!(text("target").starts_with("tokend"), "a line of a library: {line:?}");
        let common = ["timestamp", "level", "message", "target", "error.sources"];
        let mut fields: Vec<_> = line.keys().map(String::as_str).collect();
        fields.retain(|name| !common.contains(name));
        let is_like = |kind: &&Kind| {
            let mut expected: Vec<_> = kind.fields.iter().map(String::as_str).collect();
            expected.retain(|name| fields.contains(name) || !OPTIONAL.contains(name));
            expected.sort_unstable();
            is_of(kind, text("message")) && text("level") == kind.level && fields == expected
        };
        let kind = kinds.iter().find(is_like);
        let kind = kind.unwrap_or_else(|| panic!("the page does not list this: {line:?}"));
        seen.push(kind.message.as_str());
    }
    for message in [
        "tokend serves tokens",
        "token issued",
        "request answered",
        "probe answered",
        "request rejected",
        "event",
        "SIGHUP: no setting has changed",
        "stopping: readiness fails from now on",
        "stopped",
    ] {
        assert!(seen.contains(&message), "{message:?} was not logged");
    }
}
