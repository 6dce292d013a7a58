//! A plan as text.

use serde_json::Value;

use crate::admin::declarative::step::{PlannedAction, PlannedChange};
use crate::model::leak_policy::LeakPolicy;

/// The maximum length of a value in a line, in characters.
const MAX_VALUE_CHARS: usize = 200;

/// The members of a new object that would only repeat its first line.
const SILENT: [&str; 3] = ["client_id", "resource", "source"];

/// Returns the lines of a plan, and a last line with its totals.
pub fn plan_lines(changes: &[PlannedChange], unchanged: usize) -> Vec<String> {
    let mut lines: Vec<String> = changes.iter().flat_map(of_change).collect();
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    lines.push(format!(
        "{} to create, {} to change, {} to delete, {unchanged} unchanged",
        count(PlannedAction::Create),
        count(PlannedAction::Update),
        count(PlannedAction::Delete),
    ));
    lines
}

fn of_change(change: &PlannedChange) -> Vec<String> {
    let (sign, verb) = match change.action {
        PlannedAction::Create => ('+', "create"),
        PlannedAction::Update => ('~', "change"),
        PlannedAction::Delete => ('-', "delete"),
    };
    let source = change.source.as_ref().map(|name| format!(" (source {name})")).unwrap_or_default();
    let mut lines = vec![format!("{sign} {verb} {} {}{source}", change.kind, change.id)];
    if let Value::Object(members) = &change.is {
        for (name, is) in members {
            let was = change.was.get(name).unwrap_or(&Value::Null);
            let is_new = change.action == PlannedAction::Create;
            if name == "secrets" {
                lines.extend(of_secrets(was, is));
            } else if !is_new {
                lines.extend(of_member(name, was, is));
            } else if !is_silent(name, is) {
                lines.push(format!("    {name}: {}", shown(is)));
            }
        }
    }
    if change.gets_secret {
        lines.push("    a secret is generated".to_owned());
    }
    lines.extend(change.losses.iter().map(|loss| format!("    ends: {loss}")));
    lines
}

/// Describes the secrets of a client: those that are registered by digest, and those that change.
fn of_secrets(was: &Value, is: &Value) -> Vec<String> {
    let none = Vec::new();
    let (before, after) = (was.as_array().unwrap_or(&none), is.as_array().unwrap_or(&none));
    let text = |secret: &Value, name: &str| shown(secret.get(name).unwrap_or(&Value::Null));
    let mut lines = Vec::new();
    for secret in after {
        let id = &secret["secret_id"];
        match before.iter().find(|old| old["secret_id"] == *id) {
            None => {
                let digest = text(secret, "secret_digest");
                lines.push(format!("    a secret is registered by its digest {digest}"));
            }
            Some(old) => {
                for name in ["label", "expires_at"] {
                    let (was, is) = (text(old, name), text(secret, name));
                    if was != is {
                        lines.push(format!("    secret {}: {name}: {was} -> {is}", shown(id)));
                    }
                }
            }
        }
    }
    lines
}

/// The consequence of removing a limit, which a declaration does by omitting the member.
const LIMIT_REMOVED: &str = "its limit is removed, because admin_of is not declared: it \
                             administers the objects of all owners";

/// Describes a changed member: removed and added elements of a list, otherwise both values.
fn of_member(name: &str, was: &Value, is: &Value) -> Vec<String> {
    if name == "admin_of" && is.is_null() {
        return vec![format!("    admin_of: {} -> none: {LIMIT_REMOVED}", shown(was))];
    }
    let (Value::Array(before), Value::Array(after)) = (was, is) else {
        return vec![format!("    {name}: {} -> {}", shown(was), shown(is))];
    };
    let gone = before.iter().filter(|item| !after.contains(item));
    let new = after.iter().filter(|item| !before.contains(item));
    let mut lines: Vec<String> =
        gone.map(|item| format!("    {name}: - {}", shown(item))).collect();
    lines.extend(new.map(|item| format!("    {name}: + {}", shown(item))));
    if lines.is_empty() {
        lines.push(format!("    {name}: {} -> {}", shown(was), shown(is)));
    }
    lines
}

/// True for a member of a new object that has a default value or only repeats the first line.
fn is_silent(name: &str, value: &Value) -> bool {
    let is_default = name == "leak_policy" && value == LeakPolicy::default().as_str();
    is_default || is_empty(value) || SILENT.contains(&name)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Formats a value in one line.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= MAX_VALUE_CHARS {
        return text;
    }
    text.chars().take(MAX_VALUE_CHARS).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(action: PlannedAction, was: Value, is: Value) -> PlannedChange {
        PlannedChange {
            action,
            kind: "client".to_owned(),
            id: "billing".to_owned(),
            source: None,
            gets_secret: action == PlannedAction::Create,
            was,
            is,
            losses: Vec::new(),
        }
    }

    #[test]
    fn a_plan_reads_as_sentences() {
        let created = json!({ "client_id": "billing", "owner": "payments", "labels": {} });
        let was = json!({ "token_lifetime": null, "grants": [1, 2] });
        let is = json!({ "token_lifetime": 300, "grants": [2, 3] });
        let mut deleted = change(PlannedAction::Delete, json!({}), Value::Null);
        deleted.losses.push("secret sec_1, never used".to_owned());
        let changes = [
            change(PlannedAction::Create, Value::Null, created),
            change(PlannedAction::Update, was, is),
            deleted,
        ];
        assert_eq!(
            plan_lines(&changes, 4).join("\n"),
            "+ create client billing\n    owner: payments\n    a secret is generated\n\
             ~ change client billing\n    grants: - 1\n    grants: + 3\n    \
             token_lifetime: none -> 300\n\
             - delete client billing\n    ends: secret sec_1, never used\n\
             1 to create, 1 to change, 1 to delete, 4 unchanged"
        );
    }

    #[test]
    fn a_plan_shows_the_removal_of_a_limit() {
        let sides = (json!({ "admin_of": ["a"] }), json!({ "admin_of": null }));
        let lines = plan_lines(&[change(PlannedAction::Update, sides.0, sides.1)], 0);
        assert!(lines[1].starts_with("    admin_of: [\"a\"] -> none: its limit"), "{lines:?}");
    }

    #[test]
    fn a_plan_shows_the_digest_of_a_new_secret_and_changed_members() {
        let known = json!({ "secret_id": "sec_1", "label": "a", "expires_at": null });
        let later = json!({ "secret_id": "sec_1", "label": "b", "expires_at": null });
        let new = json!({ "secret_id": "sec_2", "secret_digest": "sha256:00", "label": "" });
        let change = change(
            PlannedAction::Update,
            json!({ "secrets": [known] }),
            json!({ "secrets": [later, new] }),
        );
        assert_eq!(
            plan_lines(&[change], 0)[1..3],
            [
                "    secret sec_1: label: a -> b",
                "    a secret is registered by its digest sha256:00"
            ]
        );
    }

    #[test]
    fn a_long_value_is_cut() {
        let text = shown(&json!("x".repeat(1_000)));
        assert_eq!(text.chars().count(), MAX_VALUE_CHARS + 1);
    }
}
