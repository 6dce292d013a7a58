//! Parameters of a request, as names and values, parsed from a form or a JSON object.
//!
//! The rules are the same for both (RFC 6749, section 3.2). A parameter may occur once, an empty
//! value is treated as absent, and an unknown name is ignored.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::oauth::error::{OAuthError, quote_input};

/// The maximum number of parameters in a request.
const MAX_PARAMETERS: usize = 64;

/// The parameters that are read. All others are ignored, whatever their value.
const KNOWN: [&str; 10] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion_type",
    "client_assertion",
    "assertion",
    "scope",
    "resource",
    "audience",
    "token",
];

/// The only parameter that a form may repeat (RFC 8707, section 2). A JSON object must not have
/// duplicate members (RFC 8259, section 4).
const REPEATABLE: &str = "resource";

/// Names and values, in the order of the request.
#[derive(Default)]
pub struct Parameters(Vec<(String, String)>);

impl fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Parameters({} of them)", self.0.len())
    }
}

impl Parameters {
    /// Parses `application/x-www-form-urlencoded`, UTF-8 (RFC 6749, appendix B).
    pub fn from_form(body: &str) -> Result<Self, OAuthError> {
        if body.trim_start().starts_with('{') {
            return Err(OAuthError::invalid_request(
                "The body is JSON but Content-Type says application/x-www-form-urlencoded.",
            ));
        }
        let mut parameters = Self(Vec::with_capacity(KNOWN.len()));
        for (name, value) in form_urlencoded::parse(body.as_bytes()) {
            // The decoder inserts this character for bytes that are not UTF-8. A client may also
            // send it.
            let is_suspect =
                |text: &Cow<'_, str>| matches!(text, Cow::Owned(text) if text.contains('\u{FFFD}'));
            let is_utf8 = || percent_decode_str(body).decode_utf8().is_ok();
            if (is_suspect(&name) || is_suspect(&value)) && !is_utf8() {
                return Err(OAuthError::invalid_request("The body is not UTF-8."));
            }
            if name != REPEATABLE {
                parameters.reject_repeated(&name)?;
            }
            parameters.add(name.into_owned(), value.into_owned())?;
        }
        Ok(parameters)
    }

    /// Parses a JSON object whose known members are strings.
    pub fn from_json(body: &str) -> Result<Self, OAuthError> {
        let mut deserializer = serde_json::Deserializer::from_str(body);
        let read = deserializer
            .deserialize_map(ObjectVisitor)
            .and_then(|members| deserializer.end().map(|()| members));
        let members = read.map_err(|error| json_problem(body, &error))?;
        let mut parameters = Self::default();
        for (name, value) in members {
            parameters.reject_repeated(&name)?;
            match value {
                JsonMember::Text(text) => parameters.add(name, text)?,
                JsonMember::Ignored => parameters.add(name, String::new())?,
                JsonMember::NotText => {
                    return Err(OAuthError::invalid_request(format!(
                        "The member '{name}' must be a string."
                    )));
                }
            }
        }
        Ok(parameters)
    }

    /// Removes a parameter and returns its value. An empty value is treated as absent (C-14).
    pub fn take(&mut self, name: &str) -> Option<String> {
        let position = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(position).1).filter(|value| !value.is_empty())
    }

    /// Removes a repeatable parameter and returns all its values.
    pub fn take_all(&mut self, name: &str) -> Vec<String> {
        std::iter::from_fn(|| {
            let position = self.0.iter().position(|(known, _)| known == name)?;
            Some(self.0.swap_remove(position).1)
        })
        .filter(|value| !value.is_empty())
        .collect()
    }

    /// Finds a parameter that equals `name` except for underscores and case, such as `grantType`.
    /// The name is sanitized for a description.
    pub fn misspelt(&self, name: &str) -> Option<String> {
        fn letters(text: &str) -> impl Iterator<Item = u8> {
            text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
        }
        // This runs for every request, and most requests have only known names.
        let is_close = |other: &str| !KNOWN.contains(&other) && letters(other).eq(letters(name));
        self.0.iter().find(|(other, _)| is_close(other)).map(|(other, _)| quote_input(other))
    }

    fn add(&mut self, name: String, value: String) -> Result<(), OAuthError> {
        if self.0.len() == MAX_PARAMETERS {
            return Err(OAuthError::invalid_request(format!(
                "The request has more than {MAX_PARAMETERS} parameters."
            )));
        }
        self.0.push((name, value));
        Ok(())
    }

    fn reject_repeated(&self, name: &str) -> Result<(), OAuthError> {
        if self.0.iter().any(|(known, _)| known == name) {
            return Err(OAuthError::invalid_request(format!(
                "The parameter '{}' occurs more than once.",
                quote_input(name)
            )));
        }
        Ok(())
    }
}

enum JsonMember {
    Text(String),
    Ignored,
    NotText,
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Vec<(String, JsonMember)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            // Ignored members are parsed as values too, because that bounds their depth.
            let value = match map.next_value::<Value>()? {
                Value::String(text) => JsonMember::Text(text),
                _ if KNOWN.contains(&name.as_str()) => JsonMember::NotText,
                _ => JsonMember::Ignored,
            };
            // One member more than the maximum is enough to reject the request.
            if members.len() <= MAX_PARAMETERS {
                members.push((name, value));
            }
        }
        Ok(members)
    }
}

/// Returns a rejection with the problem in a JSON text and its position. A trailing comma has its
/// own sentence (T-03), because published samples have one.
fn json_problem(body: &str, error: &serde_json::Error) -> OAuthError {
    let place = format!("line {}, column {}", error.line(), error.column());
    if error.is_data() {
        return OAuthError::invalid_request(
            "The body must be one JSON object whose members are strings.",
        );
    }
    if let Some((line, column)) = trailing_comma(body, error) {
        return OAuthError::invalid_request(format!(
            "The JSON body has a trailing comma at line {line}, column {column}: remove it."
        ));
    }
    if body.trim_start().starts_with("grant_type=") {
        return OAuthError::invalid_request(
            "The body is a form but Content-Type says application/json.",
        );
    }
    OAuthError::invalid_request(format!("The body is not valid JSON: see {place}."))
}

/// Returns the position of a trailing comma (line and column, from 1) before the brace at which the
/// parser stopped.
fn trailing_comma(body: &str, error: &serde_json::Error) -> Option<(usize, usize)> {
    let start: usize =
        body.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let stop = (start + error.column()).min(body.len());
    let before = body.get(..stop)?.trim_end().strip_suffix('}')?.trim_end();
    let comma = before.strip_suffix(',')?;
    let line = comma.matches('\n').count() + 1;
    let column = comma.len() - comma.rfind('\n').map_or(0, |newline| newline + 1) + 1;
    Some((line, column))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sentence(outcome: Result<Parameters, OAuthError>) -> String {
        outcome.expect_err("a rejection").reason().to_owned()
    }

    /// T-03: the sample of the seed documents, unchanged.
    #[test]
    fn a_trailing_comma_is_reported_with_its_position() {
        let body = "{\n    \"client_id\": \"a\",\n    \"grant_type\": \"client_credentials\",\n}";
        assert_eq!(
            sentence(Parameters::from_json(body)),
            "The JSON body has a trailing comma at line 3, column 39: remove it."
        );
        assert!(sentence(Parameters::from_json("{\"a\":\"b\",}")).contains("line 1, column 9"));
        assert!(sentence(Parameters::from_json("{\"a\":\"b\" , }")).contains("line 1, column 10"));
        assert!(!sentence(Parameters::from_json("{\"a\" \"b\"}")).contains("comma"));
        assert!(!sentence(Parameters::from_json("{}}")).contains("comma"));
    }

    /// C-16, C-194.
    #[test]
    fn a_repeated_parameter_is_rejected_in_both_forms() {
        assert!(sentence(Parameters::from_form("a=1&a=2")).contains("'a' occurs more than once"));
        assert!(sentence(Parameters::from_form("scope=&scope=x")).contains("more than once"));
        assert!(sentence(Parameters::from_json(r#"{"a":1,"a":2}"#)).contains("more than once"));
        assert!(Parameters::from_form("resource=urn:a&resource=urn:b").is_ok());
        let json = r#"{"resource":"urn:a","resource":"urn:a"}"#;
        assert!(sentence(Parameters::from_json(json)).contains("more than once"));
    }

    /// C-14.
    #[test]
    fn an_empty_value_is_treated_as_absent() {
        let mut parameters = Parameters::from_form("scope=&client_id=a&x").expect("parameters");
        assert_eq!(parameters.take("scope"), None);
        assert_eq!(parameters.take("client_id").as_deref(), Some("a"));
        assert_eq!(parameters.take("client_id"), None);
    }

    /// T-02, T-08: unknown members may have any type; known members are strings.
    #[test]
    fn known_members_must_be_strings_and_unknown_ones_may_have_any_type() {
        let mut parameters =
            Parameters::from_json(r#"{"x":{"y":[1,null]},"scope":"a"}"#).expect("parameters");
        assert_eq!(parameters.take("scope").as_deref(), Some("a"));
        for value in ["1", "true", "[\"a\"]", "{}", "null"] {
            let body = format!("{{\"client_secret\":{value}}}");
            assert!(sentence(Parameters::from_json(&body)).contains("must be a string"), "{value}");
        }
        for body in ["[]", "\"a\"", "1", "null"] {
            assert!(sentence(Parameters::from_json(body)).contains("one JSON object"), "{body}");
        }
    }

    /// O-34: names in the spelling of other languages.
    #[test]
    fn a_misspelt_name_is_found() {
        let parameters = Parameters::from_form("grantType=a&CLIENT-ID=b&scope=c&x=d");
        let parameters = parameters.expect("parameters");
        assert_eq!(parameters.misspelt("grant_type").as_deref(), Some("grantType"));
        assert_eq!(parameters.misspelt("client_id").as_deref(), Some("CLIENT-ID"));
        assert_eq!(parameters.misspelt("client_secret"), None);
        assert_eq!(parameters.misspelt("scope"), None);
    }

    #[test]
    fn deep_json_too_many_parameters_and_invalid_utf8_are_rejected() {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(60_000), "]".repeat(60_000));
        assert!(Parameters::from_json(&deep).is_err());
        let many: String = (0..70).map(|n| format!("p{n}=1&")).collect();
        assert!(sentence(Parameters::from_form(&many)).contains("more than 64"));
        for count in [65, 66, 70] {
            let members: Vec<_> = (0..count).map(|n| format!("\"p{n}\":1")).collect();
            let many = format!("{{{}}}", members.join(","));
            assert!(sentence(Parameters::from_json(&many)).contains("more than 64"), "{count}");
        }
        assert!(sentence(Parameters::from_form("a=%ff%fe")).contains("UTF-8"));
    }

    /// Found by fuzzing: U+FFFD is an ordinary character in both kinds of body.
    #[test]
    fn a_replacement_character_that_was_sent_is_not_an_encoding_error() {
        for body in ["scope=%EF%BF%BD", "scope=\u{FFFD}", "scope=%EF%BF%BD&x=a+b"] {
            let mut parameters = Parameters::from_form(body).expect(body);
            assert_eq!(parameters.take("scope").as_deref(), Some("\u{FFFD}"), "{body}");
        }
        assert!(sentence(Parameters::from_form("scope=%EF%BF%BD&x=%ff")).contains("UTF-8"));
        assert!(sentence(Parameters::from_form("%EF%BF=%BD")).contains("UTF-8"));
    }

    #[test]
    fn json_sent_as_a_form_and_a_form_sent_as_json_are_reported() {
        assert!(sentence(Parameters::from_form("{\"a\":1}")).contains("The body is JSON"));
        assert!(sentence(Parameters::from_json("grant_type=x")).contains("The body is a form"));
    }

    proptest! {
        #[test]
        fn any_form_is_read_or_rejected(body in ".{0,200}") {
            let _ = Parameters::from_form(&body);
        }

        #[test]
        fn any_json_is_read_or_rejected(body in "[{}\\[\\]\",:a-z0-9\\\\ \n]{0,200}|.{0,200}") {
            let _ = Parameters::from_json(&body);
        }

        #[test]
        fn a_form_round_trips(pairs in proptest::collection::hash_map("[a-z]{1,8}", ".{1,20}", 1..8)) {
            prop_assume!(pairs.values().all(|value| !value.contains('\u{FFFD}')));
            let body = serde_urlencoded::to_string(&pairs).expect("a form");
            let mut parameters = Parameters::from_form(&body).expect("parameters");
            for (name, value) in pairs {
                prop_assert_eq!(parameters.take(&name), Some(value));
            }
        }
    }
}
