//! Code that verifies tokens, for each stack in `docs/verifying-tokens.md`. The examples of that
//! page are shown with the values of a resource.

use std::sync::LazyLock;

use crate::text::shell::quote;

/// The page that contains a section for each stack.
const PAGE: &str = include_str!("../../../../docs/verifying-tokens.md");

/// The values in the examples.
const EXAMPLE_ISSUER: &str = "https://id.example.com";
const EXAMPLE_AUDIENCES: [&str; 2] =
    ["https://orders.example.com", "https://kubernetes.example.com"];
const EXAMPLE_SCOPE: &str = "orders:read";

pub(in crate::web::console) struct Stack {
    /// The id in URLs.
    pub(in crate::web::console) id: String,
    /// The heading on the page.
    pub(in crate::web::console) name: &'static str,
    parts: Vec<SnippetPart>,
}

/// A paragraph or a program of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web::console) struct SnippetPart {
    pub(in crate::web::console) is_program: bool,
    pub(in crate::web::console) text: String,
}

/// The values to insert into a program.
pub(in crate::web::console) struct VerifierValues<'a> {
    pub(in crate::web::console) issuer: &'a str,
    pub(in crate::web::console) audience: &'a str,
    pub(in crate::web::console) algorithm: &'a str,
    pub(in crate::web::console) typ: &'a str,
    /// A scope of the resource; if `None`, the example stays.
    pub(in crate::web::console) scope: Option<&'a str>,
}

/// Returns all stacks in page order.
pub(in crate::web::console) fn stacks() -> &'static [Stack] {
    static STACKS: LazyLock<Vec<Stack>> = LazyLock::new(|| {
        let section = PAGE.split_once("\n## Stacks\n").map_or("", |(_, rest)| rest);
        let section = section.split("\n## ").next().unwrap_or_default();
        section.split("\n### ").skip(1).map(Stack::read).collect()
    });
    &STACKS
}

impl Stack {
    fn read(section: &'static str) -> Self {
        let (name, body) = section.split_once('\n').unwrap_or((section, ""));
        let word = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let id: String = name.to_ascii_lowercase().chars().map(word).collect();
        let words: Vec<_> = id.split('-').filter(|word| !word.is_empty()).collect();
        Self { id: words.join("-"), name, parts: parts(body) }
    }
}

fn parts(body: &str) -> Vec<SnippetPart> {
    let mut parts = Vec::new();
    for (place, piece) in body.split("```").enumerate() {
        // Odd pieces are between fences and start with the name of a language.
        let is_program = place % 2 == 1;
        let text =
            if is_program { piece.split_once('\n').map_or("", |(_, code)| code) } else { piece };
        let paragraphs: Vec<&str> =
            if is_program { vec![text] } else { text.split("\n\n").collect() };
        for paragraph in paragraphs {
            let text = paragraph.trim_matches('\n');
            if !text.trim().is_empty() {
                let text = if is_program { text.to_owned() } else { plain(text) };
                parts.push(SnippetPart { is_program, text });
            }
        }
    }
    parts
}

/// Removes Markdown from a paragraph; links become their text.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, linked)) = rest.split_once('[') {
        let Some((name, after)) = linked.split_once("](") else { break };
        let Some((_, after)) = after.split_once(')') else { break };
        plain += before;
        plain += name;
        rest = after;
    }
    (plain + rest).replace('`', "").replace('\n', " ")
}

/// Returns the section of a stack with the values of a resource.
pub(in crate::web::console) fn verifier(
    stack: &Stack,
    values: &VerifierValues<'_>,
) -> Vec<SnippetPart> {
    let filled = |part: &SnippetPart| {
        let text = with_names(&part.text, values);
        // Paragraphs describe all algorithms, so theirs stay unchanged.
        let text = if part.is_program { with_algorithm(&text, values) } else { text };
        SnippetPart { is_program: part.is_program, text }
    };
    let mut parts: Vec<_> = stack.parts.iter().map(filled).collect();
    // A program that reads its values from the environment needs `export` lines before it.
    let reads = |part: &SnippetPart| part.is_program && part.text.contains("AUDIENCE");
    if stack.parts.iter().any(reads) {
        let (issuer, audience) = (quote(values.issuer), quote(values.audience));
        let text = format!("export ISSUER={issuer}\nexport AUDIENCE={audience}");
        parts.insert(0, SnippetPart { is_program: true, text });
    }
    parts
}

/// True for a text that cannot terminate a string in any language of the page. Other texts are not
/// inserted, and the example value stays.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._~-@+%=&?".contains(&byte);
    text.bytes().all(is_plain)
}

fn with_names(text: &str, values: &VerifierValues<'_>) -> String {
    let mut text = text.replace(EXAMPLE_ISSUER, values.issuer);
    for audience in EXAMPLE_AUDIENCES {
        if is_plain(values.audience) {
            text = text.replace(audience, values.audience);
        }
    }
    if let Some(scope) = values.scope.filter(|scope| is_plain(scope)) {
        text = text.replace(EXAMPLE_SCOPE, scope);
    }
    text
}

fn with_algorithm(program: &str, values: &VerifierValues<'_>) -> String {
    program.replace("ES256", values.algorithm).replace("at+jwt", values.typ)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: VerifierValues<'static> = VerifierValues {
        issuer: "https://auth.acme.example",
        audience: "https://api.acme.example",
        algorithm: "RS256",
        typ: "JWT",
        scope: Some("things:read"),
    };

    #[test]
    fn each_stack_of_the_page_has_the_values_of_the_resource() {
        assert_eq!(stacks().len(), 17);
        for stack in stacks() {
            assert!(!stack.parts.is_empty(), "{}", stack.name);
            for part in verifier(stack, &VALUES) {
                assert!(!part.text.contains("```"), "{}: {part:?}", stack.name);
                if part.is_program {
                    for example in ["id.example.com", "orders.example.com", "orders:read", "ES256"]
                    {
                        assert!(!part.text.contains(example), "{}: {part:?}", stack.name);
                    }
                }
            }
        }
    }

    #[test]
    fn what_would_end_a_string_is_in_no_program() {
        let values = VerifierValues {
            audience: "https://a.example/');alert(1)//",
            scope: Some("a'b"),
            ..VALUES
        };
        for stack in stacks() {
            for part in verifier(stack, &values).iter().filter(|part| part.is_program) {
                let is_quoted = part.text.starts_with("export ");
                assert!(is_quoted || !part.text.contains("alert"), "{}: {part:?}", stack.name);
                assert!(!part.text.contains("a'b"), "{}: {part:?}", stack.name);
            }
        }
    }

    #[test]
    fn markdown_is_removed_from_a_paragraph() {
        let text = "The `rbac` filter of [Gateways](gateways.md#nginx) checks it.";
        assert_eq!(plain(text), "The rbac filter of Gateways checks it.");
    }
}
