//! Extractors and responses for JSON bodies and query parameters. Invalid input becomes a problem
//! document.

use std::fmt::Display;
use std::time::Duration;

use axum::body::HttpBody;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Body};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_path_to_error::Segment;

use crate::admin::client::MAX_REASON_CHARS;
use crate::model::Malformed;
use crate::model::time::Lifetime;
use crate::secrets::secret;
use crate::text::escaping;
use crate::web::api::guard::BodyLimit;
use crate::web::api::{Problem, duplicate_member, problem_places, serde_texts};

/// The time limit for receiving a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) const MAX_PAGE_SIZE: u32 = 1_000;

/// A JSON body. A `POST` may omit it, as `curl -X POST` does, and then each member has its default.
pub(super) struct Input<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match object(request, state).await? {
            Some(text) => members(text.get()).map(Self),
            None => members("{}").map(Self),
        }
    }
}

/// Reads the text of a JSON object; `None` if the body is optional and absent.
async fn object<S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<Option<Box<RawValue>>, Problem> {
    if request.method() == Method::POST && request.body().is_end_stream() {
        return Ok(None);
    }
    let limit = request.extensions().get::<BodyLimit>().copied();
    let reading = Json::<Box<RawValue>>::from_request(request, state);
    match tokio::time::timeout(BODY_TIMEOUT, reading).await {
        // serde would deserialize an array as a struct by position.
        Ok(Ok(Json(text))) if !text.get().starts_with('{') => {
            Err(Problem::member(String::new(), "The body is not a JSON object."))
        }
        Ok(Ok(Json(text))) => Ok(Some(text)),
        Ok(Err(rejection)) => Err(unreadable(&rejection, limit)),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "The body did not arrive in time.",
        )),
    }
}

/// Deserializes a JSON object and rejects duplicate members.
fn members<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer);
    let value = value.map_err(|error| of_member(&error))?;
    check_duplicates(text).map(|()| value)
}

fn check_duplicates(text: &str) -> Result<(), Problem> {
    match duplicate_member::pointer(text) {
        Some(pointer) if !is_claim(&pointer) => Err(Problem::member(
            secret::redact(&escaping::escape(&pointer)).into_owned(),
            "The body has this member twice.",
        )),
        _ => Ok(()),
    }
}

/// True for a claim of a client or a grant. The handler rejects its duplicates with a separate
/// code.
fn is_claim(pointer: &str) -> bool {
    let mut members = pointer.split('/').skip(1);
    match members.next() {
        Some("claims") => true,
        Some("grants") => members.nth(1) == Some("claims"),
        _ => false,
    }
}

fn unreadable(rejection: &JsonRejection, limit: Option<BodyLimit>) -> Problem {
    let is_too_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
    match (rejection, limit.filter(|_| is_too_large)) {
        (JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_), _) => {
            Problem::bad_request("invalid_json", "The body is not JSON.")
        }
        (JsonRejection::MissingJsonContentType(_), _) => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send Content-Type: application/json.",
        ),
        (_, Some(limit)) => Problem::body_too_large(limit),
        _ => Problem::bad_request("invalid_body", "The body cannot be read to its end."),
    }
}

/// Returns the problem of an invalid member, with its JSON pointer (RFC 6901).
fn of_member(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let mut pointer = String::new();
    for segment in error.path() {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                pointer.push_str(&problem_places::segment(name));
            }
            Segment::Unknown => pointer.push('?'),
        }
    }
    // The line and column add nothing to the pointer.
    let text = error.inner().to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let text = serde_texts::of_body(text);
    // Pointer and text repeat the name of an unknown member, which may be a secret.
    Problem::member(secret::redact(&pointer).into_owned(), secret::redact(&text))
}

/// The query parameters of a request.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        // Postgres does not accept this character in a text.
        if form_urlencoded::parse(query).any(|(_, value)| value.contains('\0')) {
            let text = "A parameter has the character NUL, which no text has.";
            return Err(Problem::bad_request("invalid_query", text));
        }
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = serde_texts::of_query(&rejection.body_text());
                Err(Problem::bad_request("invalid_query", text))
            }
        }
    }
}

/// A JSON response with `no-store`.
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

/// Validates the number of objects of a page.
pub(super) fn page_size(wanted: Option<u32>, default: u32) -> Result<u32, Problem> {
    let size = wanted.unwrap_or(default);
    if (1..=MAX_PAGE_SIZE).contains(&size) {
        return Ok(size);
    }
    Err(wrong_parameter("limit", format!("a whole number from 1 to {MAX_PAGE_SIZE} is expected")))
}

/// Parses a query parameter.
pub(super) fn parsed_parameter<T>(
    name: &str,
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, Malformed>,
) -> Result<Option<T>, Problem> {
    let parsed = text.map(|text| parse(&text)).transpose();
    parsed.map_err(|malformed| wrong_parameter(name, malformed))
}

/// Validates a text parameter of 1 to `max` characters.
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

pub(super) fn wrong_parameter(name: &str, problem: impl Display) -> Problem {
    Problem::bad_request("invalid_query", format!("{name}: {problem}"))
}

pub(super) fn ok<T: Serialize>(value: T) -> Output<T> {
    Output(StatusCode::OK, value)
}

pub(super) fn created<T: Serialize>(value: T) -> Output<T> {
    Output(StatusCode::CREATED, value)
}

/// Validates the reason of a change, which goes to the audit log.
pub(super) fn reason(text: Option<&str>) -> Result<Option<&str>, Problem> {
    if text.is_some_and(|text| text.chars().count() > MAX_REASON_CHARS) {
        let text = format!("at most {MAX_REASON_CHARS} characters");
        return Err(Problem::member("/reason".to_owned(), text));
    }
    Ok(text)
}

/// Turns a parse error into the problem of a member.
pub(super) fn at<T>(pointer: &str, result: Result<T, Malformed>) -> Result<T, Problem> {
    result.map_err(|malformed| Problem::member(pointer.to_owned(), malformed.to_string()))
}

/// Like [`at`], for an optional member.
pub(super) fn parsed<T>(
    pointer: &str,
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, Malformed>,
) -> Result<Option<T>, Problem> {
    text.map(|text| at(pointer, parse(&text))).transpose()
}

/// Converts a number of seconds to a lifetime.
pub(super) fn lifetime(pointer: &str, seconds: i64) -> Result<Option<Lifetime>, Problem> {
    at(pointer, Lifetime::from_seconds(seconds)).map(Some)
}

/// Parses a list of texts. A problem points to the invalid element.
pub(super) fn list<T>(
    pointer: &str,
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, Malformed>,
) -> Result<Vec<T>, Problem> {
    let texts = texts.iter().enumerate();
    texts.map(|(index, text)| at(&format!("{pointer}/{index}"), parse(text))).collect()
}
