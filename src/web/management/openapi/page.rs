//! The page that shows the document to a person: HTML and a style sheet, no scripts.

use serde_json::{Map, Value};

use crate::web::management::openapi::{DOCUMENT_PATH, STYLE_PATH};
use crate::web::page::escaped;

/// Only the style sheet of this server is loaded; nothing runs, nothing is sent.
pub(super) const SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The style sheet.
pub(super) const STYLE: &str = include_str!("page.css");

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// An operation with its place in the document.
struct Shown<'a> {
    method: &'static str,
    path: &'a str,
    operation: &'a Value,
}

/// Writes the page of a document.
pub(super) fn html(document: &[u8]) -> String {
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    let operations = operations(&document);
    let (mut links, mut body) = (String::new(), String::new());
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        let of_tag = || operations.iter().filter(|shown| shown.operation["tags"][0] == *name);
        let count = of_tag().count();
        let anchor = escaped(&name.to_lowercase().replace(' ', "-"));
        links += &format!("<li><a href=\"#{anchor}\">{}</a> ({count})</li>\n", escaped(name));
        body += &format!("<h2 id=\"{anchor}\">{}</h2>\n", escaped(name));
        body += &prose(text(&tag["description"]));
        body.extend(of_tag().map(|shown| operation(&document, shown)));
    }
    let info = &document["info"];
    let title = escaped(text(&info["title"]));
    let version = escaped(text(&info["version"]));
    format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<link rel=\"stylesheet\" href=\"{STYLE_PATH}\">
<title>{title}</title>
</head>
<body>
<h1>{title}</h1>
<p>Version {version}. For programs: <a href=\"{DOCUMENT_PATH}\">OpenAPI 3.1</a>.</p>
{introduction}
{scopes}
<nav>
<h2>Contents</h2>
<ul>
{links}<li><a href=\"#schemas\">Schemas</a></li>
</ul>
</nav>
{body}
<h2 id=\"schemas\">Schemas</h2>
{schemas}
</body>
</html>
",
        introduction = prose(text(&info["description"])),
        scopes = scopes(&document),
        schemas = schemas(&document),
    )
}

fn operations(document: &Value) -> Vec<Shown<'_>> {
    let mut found = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                found.push(Shown { method, path, operation });
            }
        }
    }
    found
}

fn scopes(document: &Value) -> String {
    let schemes = members(&document["components"]["securitySchemes"]);
    let flows = schemes.map(|(_, scheme)| &scheme["flows"]["clientCredentials"]);
    let rows: String = flows
        .flat_map(|flow| members(&flow["scopes"]))
        .map(|(scope, meaning)| row(&[code(scope), escaped(text(meaning))]))
        .collect();
    table(&["Scope", "Permits"], &rows)
}

fn operation(document: &Value, shown: &Shown<'_>) -> String {
    let Shown { method, path, operation } = shown;
    let id = escaped(text(&operation["operationId"]));
    let mut html = format!(
        "<h3 id=\"{id}\">{}</h3>\n<p><code class=\"method\">{}</code> <code>{}</code></p>\n",
        escaped(text(&operation["summary"])),
        method.to_uppercase(),
        escaped(path),
    );
    html += &prose(text(&operation["description"]));
    html += &format!("<p>{}</p>\n", requirement(&operation["security"]));
    let rows: String = list(&operation["parameters"]).iter().map(parameter).collect();
    if !rows.is_empty() {
        html += &table(&["Parameter", "In", "Type", "Meaning"], &rows);
    }
    for (media_type, content) in members(&operation["requestBody"]["content"]) {
        let schema = type_of(&content["schema"]);
        html += &format!("<p>Body: {} as {}.</p>\n", schema, code(media_type));
        html += &example(document, &content["schema"]);
    }
    let rows: String = members(&operation["responses"])
        .map(|(status, response)| answer(document, status, response))
        .collect();
    html += &details("Answers", &table(&["Status", "Meaning", "Body"], &rows));
    html
}

fn requirement(security: &Value) -> String {
    let alternatives = list(security).iter().map(|requirement| {
        let scopes = members(requirement).flat_map(|(_, scopes)| list(scopes));
        scopes.map(|scope| code(text(scope))).collect::<Vec<_>>().join(" and ")
    });
    match alternatives.collect::<Vec<_>>().join(" or ") {
        scopes if scopes.is_empty() => "Needs no token.".to_owned(),
        scopes => format!("Needs {scopes}."),
    }
}

fn parameter(parameter: &Value) -> String {
    let schema = &parameter["schema"];
    let meaning = inline(text(&parameter["description"]));
    row(&[
        code(text(&parameter["name"])),
        text(&parameter["in"]).to_owned(),
        type_of(schema),
        meaning,
    ])
}

fn answer(document: &Value, status: &str, response: &Value) -> String {
    let response = resolved(document, response);
    let forms = members(&response["content"]).map(|(media_type, content)| {
        format!("{} as {}", type_of(&content["schema"]), code(media_type))
    });
    let forms = forms.collect::<Vec<_>>().join("<br>");
    row(&[code(status), inline(text(&response["description"])), forms])
}

fn example(document: &Value, schema: &Value) -> String {
    let examples = list(&resolved(document, schema)["examples"]);
    let texts = examples.iter().filter_map(|value| serde_json::to_string_pretty(value).ok());
    texts.map(|text| format!("<pre>{}</pre>\n", escaped(&text))).collect()
}

fn schemas(document: &Value) -> String {
    members(&document["components"]["schemas"])
        .map(|(name, schema)| {
            let name = escaped(name);
            format!("<h3 id=\"schema-{name}\">{name}</h3>\n{}", schema_body(document, schema))
        })
        .collect()
}

fn schema_body(document: &Value, schema: &Value) -> String {
    let mut html = prose(text(&schema["description"]));
    let mut rows = String::new();
    let parts = list(&schema["allOf"]).iter().chain([schema]);
    for part in parts.map(|part| resolved(document, part)) {
        for (name, member) in members(&part["properties"]) {
            let meaning = inline(text(&resolved(document, member)["description"]));
            rows += &row(&[code(name), type_of(member), meaning]);
        }
    }
    if !rows.is_empty() {
        html += &table(&["Member", "Type", "Meaning"], &rows);
    } else if list(&schema["allOf"]).is_empty() {
        html += &format!("<p>{}</p>\n", type_of(schema));
    }
    html + &example(document, schema)
}

/// The type of a schema in words, with links to schemas that have a name.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    let choices = ["oneOf", "anyOf", "allOf"].iter().flat_map(|name| list(&schema[*name]));
    let choices: Vec<_> = choices.map(type_of).collect();
    if !choices.is_empty() {
        return choices.join(" or ");
    }
    let names = match &schema["type"] {
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        name => text(name).to_owned(),
    };
    let mut words = match schema.get("items") {
        Some(items) => format!("{names} of {}", type_of(items)),
        None if names.is_empty() => "any value".to_owned(),
        None => names,
    };
    for (name, before) in [("format", ", "), ("pattern", ", like ")] {
        if let Some(value) = schema[name].as_str() {
            words += &format!("{before}{}", code(value));
        }
    }
    let values: Vec<_> = list(&schema["enum"]).iter().map(|value| code(text(value))).collect();
    if values.is_empty() { words } else { values.join(", ") }
}

/// What a reference leads to.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|path| document.pointer(path.strip_prefix('#')?));
    target.unwrap_or(value)
}

/// Paragraphs of a description.
fn prose(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>\n", inline(paragraph))).collect()
}

/// A text with the two marks that descriptions use: code in backticks, and strong words.
fn inline(text: &str) -> String {
    let marked = |text: &str, mark: &str, tag: &str| {
        let parts = text.split(mark).enumerate().map(|(place, part)| match place % 2 {
            1 => format!("<{tag}>{part}</{tag}>"),
            _ => part.to_owned(),
        });
        parts.collect::<String>()
    };
    marked(&marked(&escaped(text), "`", "code"), "**", "strong")
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

fn row(cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{cells}</tr>\n")
}

fn table(heads: &[&str], rows: &str) -> String {
    let heads: String = heads.iter().map(|head| format!("<th>{head}</th>")).collect();
    format!("<table>\n<tr>{heads}</tr>\n{rows}</table>\n")
}

fn details(summary: &str, html: &str) -> String {
    format!("<details><summary>{summary}</summary>\n{html}</details>\n")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_of_the_document_is_markup() {
        let evil = "<script>\"&'";
        let document = json!({
            "info": { "title": evil, "version": evil, "description": evil },
            "tags": [{ "name": evil, "description": evil }],
            "paths": { evil: { "get": {
                "tags": [evil], "operationId": evil, "summary": evil, "description": evil,
                "parameters": [{ "name": evil, "in": "query", "description": evil }],
                "responses": { evil: { "description": evil } },
            } } },
            "components": { "schemas": { evil: { "description": evil, "pattern": evil } } },
        });
        let page = html(document.to_string().as_bytes());
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
    }

    #[test]
    fn descriptions_have_code_and_strong_words() {
        assert_eq!(inline("**A** `b<c` d"), "<strong>A</strong> <code>b&lt;c</code> d");
    }
}
