//! The HTML page of the document, with a style sheet and without scripts.

mod markup;
mod schemas;

use serde_json::{Map, Value};

use self::markup::{
    code, details, escaped, example, first_paragraph, inline, prose, row, table, type_of,
};
use crate::web::api::openapi::{DOCUMENT_PATH, STYLE_PATH};

/// Only the style sheet of this server is loaded. Scripts and forms are forbidden.
pub(super) const SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) const STYLE: &str = include_str!("style.css");

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// An operation with its method and path.
struct DocumentedOperation<'a> {
    method: &'static str,
    path: &'a str,
    operation: &'a Value,
}

/// Renders the page of a document.
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
{links}<li><a href=\"#problems\">Problems</a></li>
<li><a href=\"#schemas\">Schemas</a></li>
</ul>
</nav>
{body}
<h2 id=\"problems\">Problems</h2>
{problems}
<h2 id=\"schemas\">Schemas</h2>
{schemas}
</body>
</html>
",
        introduction = prose(text(&info["description"])),
        scopes = scopes(&document),
        problems = problems(&document),
        schemas = schemas::schemas(&document),
    )
}

fn operations(document: &Value) -> Vec<DocumentedOperation<'_>> {
    let mut found = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                found.push(DocumentedOperation { method, path, operation });
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

fn operation(document: &Value, shown: &DocumentedOperation<'_>) -> String {
    let DocumentedOperation { method, path, operation } = shown;
    let id = escaped(text(&operation["operationId"]));
    let mut html = format!(
        "<h3 id=\"{id}\">{}</h3>\n<p><code class=\"method\">{}</code> <code>{}</code></p>\n",
        escaped(text(&operation["summary"])),
        method.to_uppercase(),
        escaped(path),
    );
    html += &prose(text(&operation["description"]));
    let rows: String = list(&operation["parameters"]).iter().map(parameter).collect();
    if !rows.is_empty() {
        html += &table(&["Parameter", "In", "Type", "Meaning"], &rows);
    }
    for (media_type, content) in members(&operation["requestBody"]["content"]) {
        let schema = type_of(&content["schema"]);
        html += &format!("<p>Body: {} as {}.</p>\n", schema, code(media_type));
        html += &example(&content["example"]);
    }
    let (mut answers, mut problems) = (String::new(), String::new());
    for (status, response) in members(&operation["responses"]) {
        if response.get("$ref").is_some() {
            problems += &problem_link(document, status, response);
        } else {
            answers += &answer(status, response);
        }
    }
    html += &answers;
    if !problems.is_empty() {
        html += &details("Problems", &table(&["Status", "Meaning"], &problems));
    }
    html
}

fn parameter(parameter: &Value) -> String {
    let schema = &parameter["schema"];
    let meaning = inline(text(&parameter["description"]));
    let place = escaped(text(&parameter["in"]));
    row(&[code(text(&parameter["name"])), place, type_of(schema), meaning])
}

/// Renders a successful response with an example.
fn answer(status: &str, response: &Value) -> String {
    let phrase = inline(text(&response["description"]));
    let mut html = format!("<p>Answer {} {phrase}", code(status));
    let forms: Vec<_> = members(&response["content"]).collect();
    for (place, (media_type, content)) in forms.iter().enumerate() {
        let before = if place == 0 { ": " } else { ", or " };
        html += &format!("{before}{} as {}", type_of(&content["schema"]), code(media_type));
    }
    html += ".</p>\n";
    html.extend(forms.iter().map(|(_, content)| example(&content["example"])));
    html
}

fn problem_link(document: &Value, status: &str, response: &Value) -> String {
    let meaning = first_paragraph(text(&resolved(document, response)["description"]));
    let status = escaped(status);
    row(&[format!("<a href=\"#problem-{status}\">{status}</a>"), meaning])
}

/// Renders the problems of each status with their codes.
fn problems(document: &Value) -> String {
    let mut html = String::new();
    for (_, response) in members(&document["components"]["responses"]) {
        let problem = &response["content"]["application/problem+json"]["example"];
        let status = escaped(&problem["status"].to_string());
        let title = escaped(text(&problem["title"]));
        html += &format!("<h3 id=\"problem-{status}\">{status} {title}</h3>\n");
        html += &prose(text(&response["description"]));
        html += &example(problem);
    }
    html
}

/// Returns the target of a reference, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|path| document.pointer(path.strip_prefix('#')?));
    target.unwrap_or(value)
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
    fn markup_in_the_document_is_escaped() {
        let evil = "<script>\"&'";
        let document = json!({
            "info": { "title": evil, "version": evil, "description": evil },
            "tags": [{ "name": evil, "description": evil }],
            "paths": { evil: { "get": {
                "tags": [evil], "operationId": evil, "summary": evil, "description": evil,
                "parameters": [{ "name": evil, "in": "query", "description": evil }],
                "responses": { evil: { "description": evil, "content": { evil: { "example": evil } } } },
            } } },
            "components": {
                "schemas": { evil: { "type": evil, "description": evil, "pattern": evil } },
                "responses": { evil: { "description": evil } },
            },
        });
        let page = html(document.to_string().as_bytes());
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
    }
}
