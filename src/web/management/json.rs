//! Reading and writing JSON and query parameters, with our problems for what cannot be read.

#![expect(clippy::option_option, reason = "RFC 7396 tells null from an absent member")]

use std::fmt::Display;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Body};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::model::Malformed;
use crate::secrets::secret;
use crate::web::management::Problem;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How many objects a page has at most.
const MAX_PAGE_SIZE: u32 = 1_000;

/// A body.
pub(super) struct Input<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let reading = Json::<Box<RawValue>>::from_request(request, state);
        match tokio::time::timeout(BODY_TIMEOUT, reading).await {
            // serde would take the values of an array for members, by their places.
            Ok(Ok(Json(text))) if !text.get().starts_with('{') => {
                Err(Problem::member(String::new(), "The body is not a JSON object."))
            }
            Ok(Ok(Json(text))) => {
                let mut text = serde_json::Deserializer::from_str(text.get());
                let value = serde_path_to_error::deserialize(&mut text);
                value.map(Self).map_err(|error| of_member(&error))
            }
            Ok(Err(rejection)) => Err(unreadable(&rejection)),
            Err(_) => Err(Problem::of_body(
                StatusCode::REQUEST_TIMEOUT,
                "body_too_slow",
                "The body did not arrive in time.",
            )),
        }
    }
}

fn unreadable(rejection: &JsonRejection) -> Problem {
    let status = rejection.status();
    match rejection {
        JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_) => {
            Problem::bad_request("invalid_json", "The body is not JSON.")
        }
        JsonRejection::MissingJsonContentType(_) => Problem::of_body(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send Content-Type: application/json.",
        ),
        _ if status == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::of_body(status, "body_too_large", "The body is larger than 256 KiB.")
        }
        _ => Problem::bad_request("invalid_body", "The body cannot be read to its end."),
    }
}

/// The member that does not fit, as a JSON pointer (RFC 6901).
fn of_member(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let mut pointer = String::new();
    for segment in error.path() {
        let text = segment.to_string().replace('~', "~0").replace('/', "~1");
        pointer.push('/');
        pointer.push_str(text.trim_matches(['[', ']']));
    }
    // The place in the text says less than the pointer.
    let text = error.inner().to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    // It repeats the name of an unknown member, which may be a secret.
    Problem::member(secret::redact(&pointer).into_owned(), secret::redact(text))
}

/// The parameters of the query.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::bad_request("invalid_query", rejection.body_text())),
        }
    }
}

/// An answer with a body that must not be stored.
pub(super) struct Output<T>(pub(super) StatusCode, pub(super) T);

impl<T: Serialize> IntoResponse for Output<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.1) {
            Ok(body) => {
                let mut response = Response::new(Body::from(body));
                *response.status_mut() = self.0;
                let headers = response.headers_mut();
                let json = HeaderValue::from_static("application/json");
                headers.insert(header::CONTENT_TYPE, json);
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(error) => Problem::internal(&error.to_string()).into_response(),
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    /// The objects.
    pub(super) data: Vec<T>,
    /// What the next request sends as `cursor`; `null` on the last page.
    pub(super) next_cursor: Option<String>,
}

/// How many objects a page has.
pub(super) fn page_size(wanted: Option<u32>, default: u32) -> Result<u32, Problem> {
    let size = wanted.unwrap_or(default);
    if (1..=MAX_PAGE_SIZE).contains(&size) {
        return Ok(size);
    }
    Err(Problem::bad_request("invalid_query", format!("limit: 1 to {MAX_PAGE_SIZE}")))
}

/// A parameter of the query that `parse` understands.
pub(super) fn parsed_parameter<T>(
    name: &str,
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, Malformed>,
) -> Result<Option<T>, Problem> {
    let parsed = text.map(|text| parse(&text)).transpose();
    parsed.map_err(|malformed| wrong_parameter(name, malformed))
}

/// A parameter with any text of 1 to `max` characters.
pub(super) fn text_parameter<'a>(
    name: &str,
    text: &'a str,
    max: usize,
) -> Result<&'a str, Problem> {
    let is_plain = !text.chars().any(char::is_control);
    if is_plain && (1..=max).contains(&text.chars().count()) {
        return Ok(text);
    }
    Err(wrong_parameter(name, format!("1 to {max} characters, none of them a control character")))
}

/// The problem of a parameter.
pub(super) fn wrong_parameter(name: &str, problem: impl Display) -> Problem {
    Problem::bad_request("invalid_query", format!("{name}: {problem}"))
}

/// 200 with a body.
pub(super) fn ok<T: Serialize>(value: T) -> Output<T> {
    Output(StatusCode::OK, value)
}

/// 201 with a body.
pub(super) fn created<T: Serialize>(value: T) -> Output<T> {
    Output(StatusCode::CREATED, value)
}

/// Tells `null` from an absent member.
pub(super) fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// The result of a parser, or the problem of the member.
pub(super) fn at<T>(pointer: &str, result: Result<T, Malformed>) -> Result<T, Problem> {
    result.map_err(|malformed| Problem::member(pointer.to_owned(), malformed.to_string()))
}

/// The same for a member that may be absent.
pub(super) fn parsed<T>(
    pointer: &str,
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, Malformed>,
) -> Result<Option<T>, Problem> {
    text.map(|text| at(pointer, parse(&text))).transpose()
}
