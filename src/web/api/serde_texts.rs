//! Translation of serde errors about bodies and queries into JSON terms, with the expected value.

use crate::text::{escaping, suggestion};
use crate::web::api::json::MAX_PAGE_SIZE;

/// Translates an error about a member of a body.
pub(super) fn of_body(text: &str) -> String {
    unknown_name("member", text).unwrap_or_else(|| plain_type(text))
}

/// Translates an error about a query parameter.
pub(super) fn of_query(text: &str) -> String {
    unknown_name("parameter", text).unwrap_or_else(|| plain_query(text))
}

/// Translates an error about a wrong type or a missing member.
fn plain_type(text: &str) -> String {
    if let Some(name) = text.strip_prefix("missing field `") {
        return format!("{} is missing", name.trim_end_matches('`'));
    }
    let Some((given, expected)) = text.rsplit_once(", expected ") else {
        return text.to_owned();
    };
    let expected = match expected {
        "struct ScopeInput" => "an object with the members name and description",
        "struct GrantInput" => "an object with the members resource, scopes, networks and claims",
        "struct SecretInput" => "an object with the members of a secret, such as label",
        "i64" | "u64" | "i32" | "u32" | "u16" | "u8" | "usize" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    format!("{given}, expected {expected}")
}

/// Translates an error about a query and adds the expected value.
fn plain_query(text: &str) -> String {
    let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
    if let Some(name) = text.rsplit_once("duplicate field `").map(|(_, name)| name) {
        return format!("{} is given twice", name.trim_end_matches('`'));
    }
    let Some((name, problem)) = text.split_once(": ") else { return text.to_owned() };
    match problem {
        "provided string was not `true` or `false`" => format!("{name}: true or false is expected"),
        "invalid digit found in string"
        | "cannot parse integer from empty string"
        | "number too large to fit in target type"
        | "number too small to fit in target type" => match name {
            "limit" => format!("{name}: a whole number from 1 to {MAX_PAGE_SIZE} is expected"),
            _ => format!("{name}: a whole number is expected"),
        },
        _ => text.to_owned(),
    }
}

/// Translates an error about an unknown name, and suggests the nearest known one.
fn unknown_name(kind: &str, text: &str) -> Option<String> {
    let (_, rest) = text.split_once("unknown field `")?;
    // serde lists the known names last, so the given name cannot imitate them.
    let (given, known) = match rest.rsplit_once("`, expected ") {
        Some((given, known)) => (given, known.split('`').skip(1).step_by(2).collect::<Vec<_>>()),
        None => (rest.rsplit_once("`, there ")?.0, Vec::new()),
    };
    let advice = match suggestion::nearest(given, known.iter().map(|name| (*name).to_owned())) {
        Some(name) => format!("did you mean {name}?"),
        None if known.is_empty() => format!("no {kind} is known here"),
        None => format!("the known ones are {}", known.join(", ")),
    };
    Some(format!("{} is not a known {kind}; {advice}", escaping::escape(given)))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "the test needs only the names")]
    struct Pet {
        name: Option<String>,
        owner: Option<String>,
        age: Option<u8>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Empty {}

    #[test]
    fn serde_type_errors_are_rephrased_in_json_terms() {
        for (text, plain) in [
            (
                "invalid type: string \"a\", expected struct ScopeInput",
                "invalid type: string \"a\", expected an object with the members name and description",
            ),
            ("invalid type: null, expected i64", "invalid type: null, expected a whole number"),
            ("missing field `name`", "name is missing"),
        ] {
            assert_eq!(plain_type(text), plain);
        }
        let serde = "Failed to deserialize query string: ";
        for (text, plain) in [
            (
                "limit: invalid digit found in string",
                "limit: a whole number from 1 to 1000 is expected",
            ),
            ("count: number too large to fit in target type", "count: a whole number is expected"),
            ("duplicate field `limit`", "limit is given twice"),
        ] {
            assert_eq!(plain_query(&format!("{serde}{text}")), plain);
        }
    }

    #[test]
    fn an_unknown_name_is_named_with_the_one_that_may_be_meant() {
        for (json, text) in [
            (r#"{"nmae":"a"}"#, "nmae is not a known member; did you mean name?"),
            (r#"{"x":"a"}"#, "x is not a known member; the known ones are name, owner, age"),
            (
                r#"{"`, expected `a":"a"}"#,
                "`, expected `a is not a known member; the known ones are name, owner, age",
            ),
        ] {
            let error = serde_json::from_str::<Pet>(json).expect_err("an unknown member");
            assert_eq!(unknown_name("member", &error.to_string()).as_deref(), Some(text));
        }
        let error = serde_json::from_str::<Empty>(r#"{"a":1}"#).expect_err("an unknown member");
        let text = unknown_name("member", &error.to_string());
        assert_eq!(text.as_deref(), Some("a is not a known member; no member is known here"));
        assert_eq!(unknown_name("member", "missing field `name`"), None);
    }
}
