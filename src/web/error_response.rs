//! Rejections as HTTP responses: the mapping from error code to status, and the body in the error
//! format of the listener.
//!
//! `into_response` only puts the rejection into the extensions of the response. The outermost layer
//! ([`crate::web::pipeline`]) knows the request id, so it writes the body and the log.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::rejections::About;
use crate::model::reason_code::ReasonCode;
use crate::model::rejection::RejectionRecord;
use crate::model::remedy::Remedy;
use crate::model::time::Timestamp;
use crate::oauth::error::{Description, ErrorCode, OAuthError, Retry};
use crate::secrets::secret;
use crate::telemetry::stage_times::StageTimes;
use crate::text::escaping;

/// The format of a listener's error bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorFormat {
    /// `error` and `error_description` (RFC 6749, section 5.2).
    OAuth,
    /// A problem document (RFC 9457).
    Problem,
}

/// The maximum length of a stored reason, in bytes.
const MAX_REASON_BYTES: usize = 1_000;

/// The maximum length of an encoded action, in bytes.
const MAX_ACTION_BYTES: usize = 8_000;

/// A response with a 4xx or 5xx status: an OAuth error and the HTTP details.
#[derive(Debug, Clone)]
pub(super) struct ErrorResponse {
    error: OAuthError,
    status: StatusCode,
    /// The value of `Allow` in a 405.
    allow: Option<Cow<'static, str>>,
    closes: bool,
}

impl ErrorResponse {
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn code(&self) -> &'static str {
        self.error.code().as_str()
    }

    /// Returns the internal reason, made safe for the log: a caller may have written part of it,
    /// including a secret.
    pub(super) fn reason(&self) -> Cow<'_, str> {
        loggable(self.error.reason())
    }

    pub(super) fn reason_code(&self) -> ReasonCode {
        self.error.reason_code()
    }

    /// Returns the client that the rejection concerns, if it exists.
    pub(super) fn client_id(&self) -> Option<&str> {
        self.error.operator_details().client_id.as_deref()
    }

    /// Returns the stage times of a token request, up to its rejection.
    pub(super) fn times(&self) -> Option<&StageTimes> {
        self.error.operator_details().times.as_ref()
    }

    pub(super) fn error_code(&self) -> ErrorCode {
        self.error.code()
    }

    /// True if the rejection is stored for `tokend explain`. 404 and 405 already explain
    /// themselves, and scanners cause many of them.
    pub(super) fn is_explained(&self) -> bool {
        !matches!(self.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
    }

    pub(super) fn about(&self) -> About {
        match self.error.operator_details().client_id {
            Some(_) => About::KnownClient,
            None => About::NoKnownClient,
        }
    }

    /// Builds the record that is stored for `tokend explain`.
    pub(super) fn record(&self, request_id: &str, at: Timestamp, address: &str) -> RejectionRecord {
        let details = self.error.operator_details();
        RejectionRecord {
            request_id: request_id.to_owned(),
            at,
            status: self.status.as_u16(),
            error: self.code().to_owned(),
            address: address.to_owned(),
            client_id: details.client_id.clone(),
            reason: truncate(self.error.reason()),
            remedy: details.remedy.clone().and_then(bounded),
            suffix: details.suffix.clone(),
        }
    }

    pub(super) fn not_found() -> Self {
        let sentence = "There is nothing at this path. Tokens: POST /v1/oauth/token.";
        OAuthError::new(ErrorCode::NotFound, sentence).into()
    }

    /// 405, with the allowed methods (RFC 9110, section 15.5.6).
    pub(super) fn method_not_allowed(allow: impl Into<Cow<'static, str>>) -> Self {
        let allow = allow.into();
        let sentence = format!("This path takes only: {allow}.");
        Self {
            allow: Some(allow),
            ..Self::invalid(StatusCode::METHOD_NOT_ALLOWED, ReasonCode::MethodNotAllowed, sentence)
        }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::invalid(
            StatusCode::PAYLOAD_TOO_LARGE,
            ReasonCode::BodyTooLarge,
            format!("The body is larger than {limit} bytes."),
        )
        .closing()
    }

    pub(super) fn too_slow() -> Self {
        Self::invalid(
            StatusCode::REQUEST_TIMEOUT,
            ReasonCode::BodyTooSlow,
            "The body did not arrive in time.",
        )
        .closing()
    }

    pub(super) fn unsupported_type(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ReasonCode::UnsupportedMediaType,
            sentence,
        )
    }

    /// 400 for a request that is not valid HTTP. The connection is closed.
    pub(super) fn bad_http(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, ReasonCode::MalformedRequest, sentence).closing()
    }

    pub(super) fn head_too_large() -> Self {
        Self::invalid(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ReasonCode::HeadTooLarge,
            "The head of the request is too large.",
        )
        .closing()
    }

    /// `invalid_request` with a status other than 400.
    fn invalid(
        status: StatusCode,
        reason_code: ReasonCode,
        sentence: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, ..Self::from(OAuthError::invalid_request(sentence).because(reason_code)) }
    }

    fn closing(self) -> Self {
        Self { closes: true, ..self }
    }

    /// Renders the response as raw bytes, for a peer whose request hyper could not parse. The
    /// connection is closed afterwards.
    pub(super) fn render_raw(&self, error_format: ErrorFormat, request_id: &str) -> Vec<u8> {
        let body = self.body(error_format, request_id);
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncache-control: no-store\r\n\
             pragma: no-cache\r\nx-request-id: {request_id}\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}",
            status = self.status,
            content_type = content_type(error_format),
            length = body.len(),
        )
        .into_bytes()
    }

    /// Renders the response. Only the request id differs between two failed authentications.
    pub(super) fn render(&self, error_format: ErrorFormat, request_id: &str) -> Response {
        let mut response = Response::new(Body::from(self.body(error_format, request_id)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(error_format)));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, self.challenge(request_id));
        }
        match self.error.retry() {
            Some(Retry::After(seconds)) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Some(Retry::WithNonce(nonce)) => {
                // A nonce is base64url, so it is a valid header value.
                if let Ok(nonce) = HeaderValue::from_str(nonce) {
                    headers.insert("dpop-nonce", nonce);
                }
            }
            None => {}
        }
        if let Some(Ok(allow)) = self.allow.as_deref().map(HeaderValue::from_str) {
            headers.insert(ALLOW, allow);
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Returns the challenge. It names the only accepted scheme, even if the caller tried another
    /// one (C-34). Libraries such as openid-client show the challenge but not the body, so it
    /// repeats the code and the description.
    fn challenge(&self, request_id: &str) -> HeaderValue {
        let (code, description) = (self.code(), self.description(request_id));
        let text = format!(
            "Basic realm=\"tokend\", charset=\"UTF-8\", error=\"{code}\", error_description=\"{description}\""
        );
        // Descriptions have no quotes, backslashes or control characters (RFC 6749, section 5.2).
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Basic realm=\"tokend\""))
    }

    fn description(&self, request_id: &str) -> Cow<'static, str> {
        match self.error.description() {
            Description::Sentence(sentence) => sentence.clone(),
            Description::Failed(what) => Cow::Owned(format!(
                "{what} The reason is recorded; give your operator the request id {request_id}."
            )),
        }
    }

    fn body(&self, error_format: ErrorFormat, request_id: &str) -> String {
        let description = self.description(request_id);
        let body = match error_format {
            ErrorFormat::OAuth => json!({ "error": self.code(), "error_description": description }),
            ErrorFormat::Problem => json!({
                "type": "about:blank",
                "title": self.status.canonical_reason(),
                "status": self.status.as_u16(),
                "code": self.code(),
                "detail": description,
                "request_id": request_id,
            }),
        };
        body.to_string()
    }
}

/// Makes a text safe for the log. A caller may have written part of it, so generated secrets and
/// terminal control characters are replaced.
pub(super) fn loggable(text: &str) -> Cow<'_, str> {
    match secret::redact(text) {
        Cow::Borrowed(text) => escaping::escape(text),
        Cow::Owned(text) => Cow::Owned(escaping::escape(&text).into_owned()),
    }
}

/// Makes a text safe for the database and for terminals, limited to [`MAX_REASON_BYTES`]. A caller
/// may have written part of it.
fn truncate(text: &str) -> String {
    escaping::escape_start(&secret::redact(text), MAX_REASON_BYTES)
}

/// Limits the size of a stored remedy. An action that is too long is dropped.
fn bounded(remedy: Remedy) -> Option<Remedy> {
    match remedy {
        Remedy::Text(text) => Some(truncate(&text).into()),
        action @ Remedy::Action(_) => {
            Some(action).filter(|action| action.encode().len() <= MAX_ACTION_BYTES)
        }
    }
}

fn content_type(error_format: ErrorFormat) -> &'static str {
    match error_format {
        ErrorFormat::OAuth => "application/json",
        ErrorFormat::Problem => "application/problem+json",
    }
}

impl From<OAuthError> for ErrorResponse {
    fn from(error: OAuthError) -> Self {
        Self { status: status(error.code()), error, allow: None, closes: false }
    }
}

fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidRequest
        | ErrorCode::UnauthorizedClient
        | ErrorCode::InvalidGrant
        | ErrorCode::UnsupportedGrantType
        | ErrorCode::UnsupportedResponseType
        | ErrorCode::InvalidScope
        | ErrorCode::InvalidDpopProof
        | ErrorCode::UseDpopNonce
        | ErrorCode::InvalidTarget => StatusCode::BAD_REQUEST,
        ErrorCode::InvalidClient => StatusCode::UNAUTHORIZED,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_wrote_is_logged_without_secrets_and_control_characters() {
        let secret = "tkd_6jtVmMtyLhT4Yh7WxUeRkKq2cPz9dBn3fGs5vXa8wQe1mNb";
        for text in [format!("its kid '{secret}'"), format!("its kid '{secret}\u{1b}[2J'")] {
            let shown = loggable(&text);
            assert!(!shown.contains(&secret[..16]) && !shown.contains('\u{1b}'), "{shown}");
            assert!(!truncate(&text).contains(&secret[..16]), "{}", truncate(&text));
        }
    }
}
