//! Finds a token in pasted text: the token itself, the value of a header, or the whole response of
//! the token endpoint, with or without its headers.

use serde_json::Value;

use crate::cli::error::CliError;
use crate::cli::remedies::command::CommandRemedy;
use crate::cli::{arguments, output};

/// The maximum length of a text, in bytes.
const MAX_TEXT_BYTES: u64 = 64 << 10;

/// Returns the token of an argument: the argument itself, or the token on standard input for `-`.
pub(crate) fn token_text(argument: &str) -> Result<String, CliError> {
    if argument != "-" {
        output::hint(
            "note: other users of this machine can read the arguments of a command. Use - to read the token from standard input.",
        );
        return find(argument);
    }
    let text = arguments::input::read(
        "a token, or the whole answer of the token endpoint,",
        MAX_TEXT_BYTES,
    );
    find(&text.map_err(|error| CliError::not_valid(format!("cannot read a token: {error}")))?)
}

fn find(text: &str) -> Result<String, CliError> {
    let text = body(text.trim());
    if !text.starts_with('{') {
        return Ok(text.strip_prefix("Bearer ").unwrap_or(text).to_owned());
    }
    let answer: Value = serde_json::from_str(text)
        .map_err(|error| CliError::not_valid(format!("the JSON cannot be read: {error}")))?;
    if let Some(token) = answer["access_token"].as_str() {
        return Ok(token.to_owned());
    }
    let error = answer["error"].as_str().ok_or_else(|| {
        CliError::not_valid("the JSON has no member access_token, so it does not contain a token")
    })?;
    let description = answer["error_description"].as_str().unwrap_or_default();
    let rejection = CliError::not_valid(format!(
        "this is an error response, not a token: {error}. {description}"
    ));
    Err(match description.find("req_") {
        Some(start) => {
            let id = description[start..].trim_end_matches('.').to_owned();
            rejection.with_remedy(CommandRemedy::ExplainRequest { id })
        }
        None => rejection,
    })
}

/// Returns the body of an HTTP response as `curl -i` prints it. A text without headers is returned
/// unchanged.
fn body(text: &str) -> &str {
    let mut rest = text;
    // An interim response, or the response of a proxy, has its own headers before those of the
    // final response.
    while rest.starts_with("HTTP/") {
        let end = rest.find("\r\n\r\n").map(|at| at + 4);
        let end = end.or_else(|| rest.find("\n\n").map(|at| at + 2));
        rest = end.map_or("", |end| &rest[end..]).trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_each_form_that_people_have_it_in() {
        let answer = r#"{"access_token":"a.b.c","token_type":"Bearer"}"#;
        for text in [
            "a.b.c".to_owned(),
            " a.b.c\n".to_owned(),
            "Bearer a.b.c".to_owned(),
            answer.to_owned(),
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{answer}"),
            format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nx: y\r\n\r\n{answer}\n"),
            format!("HTTP/2 200\nx: y\n\n{answer}"),
        ] {
            assert_eq!(find(&text).expect("a token"), "a.b.c", "{text:?}");
        }
    }

    #[test]
    fn an_error_response_is_reported_with_its_request_id() {
        let text = "HTTP/1.1 401 Unauthorized\r\nx: y\r\n\r\n{\"error\":\"invalid_client\",\
                    \"error_description\":\"Client authentication failed. Request id: req_a1.\"}";
        let error = find(text).expect_err("a rejection").as_text();
        assert!(error.contains("error response") && error.contains("invalid_client"), "{error}");
        assert!(error.ends_with("tokend explain req_a1"), "{error}");
        assert!(find("{\"a\":1}").is_err());
        assert!(find("{\"a\"").is_err());
    }
}
