//! Code snippets to copy: clients that get a token and APIs that verify one. They contain the
//! values of the page, quoted for each language, but never a secret.

mod verifying;

pub(super) use verifying::{SnippetPart, VerifierValues, stacks, verifier};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::public_path::TOKEN_PATH;
use crate::text::shell::quote;

/// A language with its program that gets a token.
pub(super) struct Language {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    program: &'static str,
    literal: fn(&str) -> String,
}

/// Quotes a text for JavaScript, Python, Go, Rust, Java and C#. Clients, scopes and resources
/// contain no control characters.
fn double_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Quotes a text with single quotes, in which PHP does not expand variables.
fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

macro_rules! language {
    ($id:literal, $name:literal, $file:literal, $literal:expr) => {
        Language {
            id: $id,
            name: $name,
            program: include_str!(concat!("../../../../templates/snippets/", $file)),
            literal: $literal,
        }
    };
}

/// All languages in page order.
pub(super) const LANGUAGES: [Language; 8] = [
    language!("curl", "curl", "curl.sh", quote),
    language!("node", "Node", "node.mjs", double_quoted),
    language!("python", "Python", "python.py", double_quoted),
    language!("go", "Go", "go.go", double_quoted),
    language!("rust", "Rust", "rust.rs", double_quoted),
    language!("java", "Java", "java.java", double_quoted),
    language!("dotnet", ".NET", "dotnet.cs", double_quoted),
    language!("php", "PHP", "php.php", single_quoted),
];

/// The values to insert into a program.
pub(super) struct SnippetValues<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    /// `None` if the client has no grant; then an example is used.
    pub(super) resource: Option<&'a str>,
    pub(super) scope: &'a str,
}

impl Language {
    /// Returns the program with the values. It reads the secret from an environment variable.
    pub(super) fn program(&self, values: &SnippetValues<'_>) -> String {
        let is_local = values.issuer.starts_with("http://");
        let token_url = format!("{}{TOKEN_PATH}", values.issuer);
        let encoded_id = utf8_percent_encode(values.client_id, NON_ALPHANUMERIC).to_string();
        let resource = values.resource.unwrap_or("https://orders.example.com");
        let replacements = [
            ("@ISSUER@", values.issuer),
            ("@TOKEN_URL@", &token_url),
            ("@ENCODED_ID@", &encoded_id),
            ("@CLIENT_ID@", values.client_id),
            ("@RESOURCE@", resource),
            ("@SCOPE@", values.scope),
        ];
        let mut program = String::new();
        for line in self.program.lines() {
            let line = match (line.strip_prefix("@LOCAL@"), line.strip_prefix("@PUBLIC@")) {
                (Some(rest), _) if is_local => rest,
                (_, Some(rest)) if !is_local => rest,
                (None, None) => line,
                _ => continue,
            };
            program += &self.filled(line, &replacements);
            program.push('\n');
        }
        program.trim_end().to_owned()
    }

    /// Replaces the placeholders of a line. Values are not searched for placeholders.
    fn filled(&self, line: &str, replacements: &[(&str, &str)]) -> String {
        let mut text = String::new();
        let mut rest = line;
        while let Some((place, name, value)) = replacements
            .iter()
            .filter_map(|(name, value)| Some((rest.find(name)?, *name, *value)))
            .min_by_key(|(place, ..)| *place)
        {
            text += &rest[..place];
            text += &(self.literal)(value);
            rest = &rest[place + name.len()..];
        }
        text + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'a>(issuer: &'a str, client_id: &'a str) -> SnippetValues<'a> {
        SnippetValues {
            issuer,
            client_id,
            resource: Some("https://orders.example.com"),
            scope: "a:b",
        }
    }

    #[test]
    fn each_program_has_the_values_and_no_placeholder() {
        for language in &LANGUAGES {
            let program = language.program(&values("https://id.example.com", "cl_a"));
            for placeholder in ["@ISSUER@", "@CLIENT", "@RESOURCE@", "@SCOPE@", "@LOCAL@", "@PUB"] {
                assert!(!program.contains(placeholder), "{}: {program}", language.name);
            }
            assert!(program.contains("https://orders.example.com"), "{}", language.name);
            assert!(program.contains("CLIENT_SECRET"), "{}", language.name);
            assert!(!program.contains("nsecure"), "{}: {program}", language.name);
        }
        let local = LANGUAGES[1].program(&values("http://localhost:8080", "cl_a"));
        assert!(local.contains("allowInsecureRequests") && !local.contains("options = {}"));
    }

    /// Characters of a client id cannot terminate a string in any language.
    #[test]
    fn hostile_values_are_quoted_in_every_language() {
        let hostile = "a\"'\\$(b)`c`@SCOPE@";
        let program =
            |place: usize| LANGUAGES[place].program(&values("https://a.example", hostile));
        assert!(program(0).contains("a%22%27%5C%24%28b%29%60c%60%40SCOPE%40"), "{}", program(0));
        for place in 1..7 {
            let expected = "\"a\\\"'\\\\$(b)`c`@SCOPE@\"";
            assert!(program(place).contains(expected), "{}", program(place));
        }
        assert!(program(7).contains("'a\"\\'\\\\$(b)`c`@SCOPE@'"), "{}", program(7));
    }
}
