//! HTML for the texts of the document. All text is escaped here.

use serde_json::Value;

use super::{list, text};

/// Renders the paragraphs and lists of a description.
pub(super) fn prose(text: &str) -> String {
    text.split("\n\n").filter(|block| !block.is_empty()).map(block).collect()
}

/// Renders the first paragraph of a description, without an enclosing tag.
pub(super) fn first_paragraph(text: &str) -> String {
    inline(text.split("\n\n").next().unwrap_or_default())
}

fn block(text: &str) -> String {
    match text.strip_prefix("- ") {
        None => format!("<p>{}</p>\n", inline(text)),
        Some(items) => {
            let items = items.split("\n- ").map(|item| format!("<li>{}</li>\n", inline(item)));
            format!("<ul>\n{}</ul>\n", items.collect::<String>())
        }
    }
}

/// Renders the two kinds of markup in descriptions: code in backticks and bold text.
pub(super) fn inline(text: &str) -> String {
    let marked = |text: &str, mark: &str, tag: &str| {
        let parts = text.split(mark).enumerate().map(|(place, part)| match place % 2 {
            1 => format!("<{tag}>{part}</{tag}>"),
            _ => part.to_owned(),
        });
        parts.collect::<String>()
    };
    marked(&marked(&escaped(text), "`", "code"), "**", "strong")
}

pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

pub(super) fn row(cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{cells}</tr>\n")
}

pub(super) fn table(heads: &[&str], rows: &str) -> String {
    let heads: String = heads.iter().map(|head| format!("<th>{head}</th>")).collect();
    format!("<table>\n<tr>{heads}</tr>\n{rows}</table>\n")
}

/// Renders a collapsible section.
pub(super) fn details(summary: &str, html: &str) -> String {
    format!("<details><summary>{summary}</summary>\n{html}</details>\n")
}

/// Renders an example as JSON or plain text.
pub(super) fn example(value: &Value) -> String {
    let shown = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    };
    format!("<pre>{}</pre>\n", escaped(&shown))
}

/// Describes the type of a schema, with links to named schemas.
pub(super) fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for (composition, word) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
        let parts: Vec<_> = list(&schema[composition]).iter().map(type_of).collect();
        if !parts.is_empty() {
            return parts.join(word);
        }
    }
    let values: Vec<_> = list(&schema["enum"]).iter().map(|value| code(text(value))).collect();
    if !values.is_empty() {
        return values.join(", ");
    }
    let names = match &schema["type"] {
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        name => text(name).to_owned(),
    };
    let mut words = match schema.get("items") {
        Some(items) => format!("{names} of {}", type_of(items)),
        None if names.is_empty() => "any value".to_owned(),
        None => escaped(&names),
    };
    for (name, before) in [("format", ", "), ("pattern", ", like ")] {
        if let Some(value) = schema[name].as_str() {
            words += &format!("{before}{}", code(value));
        }
    }
    for (name, before) in [("minimum", ", at least "), ("maximum", ", at most ")] {
        if let Some(value) = schema[name].as_i64() {
            words += &format!("{before}{value}");
        }
    }
    if let Some(length) = schema["maxLength"].as_u64() {
        words += &format!(", at most {length} characters");
    }
    words
}

/// Escapes a text, which then has no markup.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_have_code_strong_words_and_lists() {
        assert_eq!(inline("**A** `b<c` d"), "<strong>A</strong> <code>b&lt;c</code> d");
        assert_eq!(
            prose("a\n\n- `b`: c\n- d"),
            "<p>a</p>\n<ul>\n<li><code>b</code>: c</li>\n<li>d</li>\n</ul>\n"
        );
    }
}
