//! Reading of request bodies, with limits on media type, encoding, size and time.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, HeaderValue};
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::oauth::error::OAuthError;
use crate::oauth::parameters::Parameters;
use crate::web::error_response::ErrorResponse;

/// The size and time limits for draining a body that is rejected anyway.
const DRAIN_SIZE: usize = 1 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// The media types of a token request (D10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Form,
    Json,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// In bytes.
    pub(super) size: usize,
    pub(super) timeout: Duration,
}

/// Reads the parameters of a request from its body.
pub(super) async fn parameters(
    headers: &HeaderMap,
    body: Body,
    limits: BodyLimits,
) -> Result<Parameters, ErrorResponse> {
    let kind = kind(headers)?;
    reject_compression(headers)?;
    let bytes = bytes(headers, body, limits.size, limits.timeout).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| OAuthError::invalid_request("The body is not UTF-8."))?;
    let parameters = match kind {
        Kind::Form => Parameters::from_form(text)?,
        Kind::Json => Parameters::from_json(text)?,
    };
    Ok(parameters)
}

async fn bytes(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, ErrorResponse> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        // A client that waits for `100 Continue` has not sent the body yet, so it is not asked to.
        if !headers.contains_key(EXPECT) {
            Box::pin(drain(body)).await;
        }
        return Err(ErrorResponse::too_large(limit));
    }
    let mut collecting = pin!(Limited::new(body, limit).collect());
    // A small body usually arrives with its head. It then needs no timer, and the timer's state
    // stays out of the future of the request.
    let collected = match collecting.as_mut().now_or_never() {
        Some(collected) => collected,
        None => Box::pin(tokio::time::timeout(timeout, collecting))
            .await
            .map_err(|_| ErrorResponse::too_slow())?,
    };
    match collected {
        Err(error) if error.is::<LengthLimitError>() => Err(ErrorResponse::too_large(limit)),
        Err(_) => Err(ErrorResponse::bad_http("The body cannot be read to its end.")),
        Ok(collected) => Ok(collected.to_bytes()),
    }
}

/// Reads and discards the body for a limited time. Closing the connection while the client still
/// writes would hide the response behind a connection error.
async fn drain(body: Body) {
    let collecting = pin!(Limited::new(body, DRAIN_SIZE).collect());
    let _ = tokio::time::timeout(DRAIN_TIME, collecting).await;
}

/// Parses `Content-Type`, case-insensitively and with or without a charset (N-08).
fn kind(headers: &HeaderMap) -> Result<Kind, ErrorResponse> {
    const WANTED: &str =
        "Send Content-Type: application/x-www-form-urlencoded (or application/json).";
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(ErrorResponse::unsupported_type(WANTED));
    };
    let text = value.to_str().unwrap_or_default();
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let parameters = parameters.to_ascii_lowercase();
    let charset = parameters
        .split(';')
        .filter_map(|parameter| parameter.trim().strip_prefix("charset="))
        .map(|charset| charset.trim_matches('"'))
        .next();
    if charset.is_some_and(|charset| !matches!(charset, "utf-8" | "utf8" | "us-ascii")) {
        return Err(ErrorResponse::unsupported_type("The body must be UTF-8."));
    }
    let is = |name: &str| essence.trim().eq_ignore_ascii_case(name);
    if is("application/x-www-form-urlencoded") {
        Ok(Kind::Form)
    } else if is("application/json") {
        Ok(Kind::Json)
    } else {
        Err(ErrorResponse::unsupported_type(WANTED))
    }
}

fn reject_compression(headers: &HeaderMap) -> Result<(), ErrorResponse> {
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        Ok(())
    } else {
        Err(ErrorResponse::unsupported_type("Send the body without Content-Encoding."))
    }
}
