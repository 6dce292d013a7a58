//! The schemas on the page of the document, each with its members.

use serde_json::Value;

use super::markup::{code, escaped, example, inline, prose, row, table, type_of};
use super::{list, members, resolved, text};

/// Renders all named schemas.
pub(super) fn schemas(document: &Value) -> String {
    let schemas = members(&document["components"]["schemas"]);
    schemas
        .map(|(name, schema)| {
            let name = escaped(name);
            format!("<h3 id=\"schema-{name}\">{name}</h3>\n{}", body(document, schema))
        })
        .collect()
}

fn body(document: &Value, schema: &Value) -> String {
    let mut html = prose(text(&schema["description"]));
    let choices: Vec<_> = ["oneOf", "anyOf"].iter().flat_map(|name| list(&schema[*name])).collect();
    let rows = rows(document, schema);
    if !rows.is_empty() {
        html += &table(&["Member", "Type", "Meaning"], &rows);
    } else if choices.iter().any(|choice| choice.get("properties").is_some()) {
        for choice in choices {
            html += &format!("<p>One form:</p>\n{}", body(document, choice));
        }
    } else {
        html += &format!("<p>{}</p>\n", type_of(schema));
    }
    html.extend(list(&schema["examples"]).iter().map(example));
    html
}

/// Renders the members of an object, including those of its `allOf` parts.
fn rows(document: &Value, schema: &Value) -> String {
    let of_parts =
        list(&schema["allOf"]).iter().map(|part| rows(document, resolved(document, part)));
    let mut rows: String = of_parts.collect();
    let required = list(&schema["required"]);
    for (name, member) in members(&schema["properties"]) {
        let own = text(&member["description"]);
        let meaning = if own.is_empty() { meaning(document, member) } else { own };
        let presence =
            if required.contains(&Value::String(name.clone())) { "" } else { "Optional. " };
        rows += &row(&[code(name), type_of(member), format!("{presence}{}", inline(meaning))]);
    }
    rows
}

/// Returns the description of a member or of its target.
fn meaning<'a>(document: &'a Value, member: &'a Value) -> &'a str {
    let target = list(&member["oneOf"]).iter().find(|choice| choice.get("$ref").is_some());
    let target = target.unwrap_or(member);
    match text(&target["description"]) {
        "" => text(&resolved(document, target)["description"]),
        own => own,
    }
}
