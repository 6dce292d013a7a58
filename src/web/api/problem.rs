//! Errors of the admin API as problem documents (RFC 9457).
//!
//! `into_response` only puts the problem into the extensions of the response. The outermost layer
//! ([`crate::web::pipeline`]) knows the request id, so it writes the body and the log.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::{AdminError, AdminErrorCode as Code, ObjectKind};
use crate::directory::DirectoryError;
use crate::limits::rate_counter::RateExceeded;
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::store::server::idempotency::{KEY_TTL_SECONDS, MAX_KEYS_PER_CALLER};
use crate::telemetry;
use crate::text::escaping;
use crate::web::api::conditions;
use crate::web::api::guard::BodyLimit;
use crate::web::api::problem_places;
use crate::web::api::problem_status::status;

/// A response with a 4xx or 5xx status.
#[derive(Debug, Clone)]
pub(in crate::web) struct Problem {
    status: StatusCode,
    code: &'static str,
    /// The text for the caller.
    detail: String,
    /// The invalid places in the body.
    errors: Vec<PlacedProblem>,
    /// The text for the log, if it differs from the text for the caller.
    cause: Option<Box<str>>,
    missing_scope: Option<AdminScope>,
    /// The additional headers of the response.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The error of the admin operation, if any, for callers in this process.
    error: Option<Arc<AdminError>>,
}

/// A problem as the caller gets it (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument {
    /// Always `about:blank`: the code identifies the problem.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The phrase of the status.
    #[schema(required = true)]
    title: Option<&'static str>,
    /// The status.
    status: u16,
    /// The stable name of the problem, for programs.
    code: &'static str,
    /// What failed, what was received, and what is expected, for people.
    detail: String,
    /// The places in the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<PlacedProblem>,
    /// The id of the request, under which the log of the server names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<String>,
}

/// A mistake in the body.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PlacedProblem {
    /// Its place, as a JSON pointer (RFC 6901).
    #[schema(examples("/name"))]
    pub(super) pointer: String,
    /// What is wrong there.
    #[schema(examples("name: 1 to 100 characters"))]
    pub(super) detail: String,
}

impl Problem {
    /// Creates a problem with a code of the API or of the console.
    pub(in crate::web) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            cause: None,
            missing_scope: None,
            headers: Vec::new(),
            error: None,
        }
    }

    /// Adds a header. A value that is not valid in a header is omitted.
    pub(in crate::web) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    pub(super) fn add_challenges(&mut self, challenges: Vec<HeaderValue>) {
        let challenges = challenges.into_iter().map(|value| (WWW_AUTHENTICATE, value));
        self.headers.extend(challenges);
    }

    /// 401 for a request without a token (RFC 6750, section 3.1).
    pub(super) fn unauthenticated() -> Self {
        let detail = "The admin API takes an access token for urn:tokend: Authorization: Bearer.";
        Self::new(StatusCode::UNAUTHORIZED, "token_missing", detail)
    }

    /// 401 for a missing or invalid DPoP proof. If only the nonce is missing, the response provides
    /// one (RFC 9449, sections 7.1 and 9).
    pub(super) fn of_proof(detail: &str, nonce: Option<&str>) -> Self {
        let code = if nonce.is_some() { "use_dpop_nonce" } else { "invalid_dpop_proof" };
        let problem = Self::new(StatusCode::UNAUTHORIZED, code, detail);
        match nonce {
            Some(nonce) => problem.with_header(HeaderName::from_static("dpop-nonce"), nonce),
            None => problem,
        }
    }

    pub(super) fn not_found() -> Self {
        let detail = "There is nothing at this path. The admin API: GET /v1/clients. Health: GET /livez and /readyz. Tokens are issued by the public listener.";
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 404 for the metadata of a listener without a configured URL.
    pub(super) fn without_metadata() -> Self {
        let detail = "This listener does not know its URL, so it has no metadata. Its operator sets management.url.";
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 405, with the allowed methods (RFC 9110, section 15.5.6).
    pub(super) fn method_not_allowed(allow: &str) -> Self {
        let detail = format!("This path takes only: {allow}.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
            .with_header(ALLOW, allow)
    }

    /// 401 for an invalid token.
    pub(super) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", detail)
    }

    /// 404 for an id that cannot exist, such as one with a control character.
    pub(in crate::web) fn absent(kind: ObjectKind, id: &str) -> Self {
        AdminError::not_found(kind, escaping::escape(id)).into()
    }

    /// 428 for a decision that does not name the revision it is based on (RFC 6585, section 3).
    pub(super) fn revision_required() -> Self {
        let detail = "Name the revision that you have read: the member revision, or If-Match.";
        Self::new(StatusCode::PRECONDITION_REQUIRED, "revision_required", detail)
    }

    /// 400 for a malformed request.
    pub(in crate::web) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(super) fn body_too_large(BodyLimit(max): BodyLimit) -> Self {
        let detail = match max >> 20 {
            0 => format!("The body is larger than {} KiB.", max >> 10),
            mib => format!("The body is larger than {mib} MiB."),
        };
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    /// 422 for a key that was used with a different request.
    pub(super) fn idempotency_key_reused() -> Self {
        let detail = "Idempotency-Key: it came with another request before; use a new key.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
    }

    /// 409 for a key whose request is still running.
    pub(super) fn idempotency_key_in_use() -> Self {
        let detail = "Idempotency-Key: the first request with it is running; try again shortly.";
        Self::new(StatusCode::CONFLICT, "idempotency_key_in_use", detail)
            .with_header(RETRY_AFTER, "1")
    }

    /// 409 while another apply runs.
    pub(super) fn apply_in_progress() -> Self {
        let detail = "This instance runs another apply or dry run. Try again shortly.";
        Self::new(StatusCode::CONFLICT, "apply_in_progress", detail).with_header(RETRY_AFTER, "2")
    }

    /// 429 for a caller with too many stored keys.
    pub(super) fn too_many_idempotency_keys() -> Self {
        let detail = format!(
            "Idempotency-Key: the caller has {MAX_KEYS_PER_CALLER} keys of the last \
             {KEY_TTL_SECONDS} seconds, which is the maximum; try again later."
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_idempotency_keys", detail)
            .with_header(RETRY_AFTER, "60")
    }

    /// 422 for a member of the body.
    pub(super) fn member(pointer: String, detail: impl Into<String>) -> Self {
        let code = Code::InvalidValue.as_str();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).at(pointer)
    }

    /// 422 for an invalid id in the path of a request that creates the object. It has no place in
    /// the body.
    pub(super) fn wrong_id(name: &str, problem: &Malformed) -> Self {
        let detail = format!("{name} in the path: {problem}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, Code::InvalidValue.as_str(), detail)
    }

    /// Adds the place in the body.
    pub(super) fn at(self, pointer: String) -> Self {
        let detail = self.detail.clone();
        Self { errors: vec![PlacedProblem { pointer, detail }], ..self }
    }

    /// 429 (RFC 6585, section 4).
    pub(super) fn too_many_requests(exceeded: RateExceeded) -> Self {
        let detail =
            format!("Too many requests of this caller. Try again in {} s.", exceeded.seconds);
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail)
            .with_header(RETRY_AFTER, &exceeded.seconds.to_string())
    }

    /// 421 for a host name that this listener does not have (RFC 9110, section 15.5.20).
    pub(super) fn unknown_host() -> Self {
        let detail = "Host is not the name of this listener: call it as 127.0.0.1, [::1], localhost, or the host of management.url.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", detail)
    }

    /// 429 while the audit log is verified for another request.
    pub(super) fn verification_in_progress() -> Self {
        let detail = "This instance verifies the audit log for another request. Try again shortly.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "verification_in_progress", detail)
            .with_header(RETRY_AFTER, "1")
    }

    /// 429 for too many open streams.
    pub(super) fn too_many_streams(detail: String) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail)
            .with_header(RETRY_AFTER, "5")
    }

    pub(super) fn unavailable(cause: &str) -> Self {
        let detail = "The server cannot do this right now. Try again shortly.";
        let cause = Some(cause.into());
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", detail);
        Self { cause, ..problem.with_header(RETRY_AFTER, "2") }
    }

    pub(in crate::web) fn internal(cause: &str) -> Self {
        let detail = "The server failed. The reason is in its log, under the request id.";
        let cause = Some(cause.into());
        Self { cause, ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", detail) }
    }

    /// 500 or 503 with the code of the cause. Details of database and key errors go only to the
    /// log.
    fn of_server(status: StatusCode, error: &AdminError) -> Self {
        let code = error.code();
        let detail = match code {
            Code::HashQueueFull => error.to_string(),
            code => code.meaning().to_owned(),
        };
        let cause = Some(telemetry::with_causes(error).into());
        let problem = Self { cause, ..Self::new(status, code.as_str(), detail) };
        match status {
            StatusCode::SERVICE_UNAVAILABLE => problem.with_header(RETRY_AFTER, "2"),
            _ => problem,
        }
    }

    pub(in crate::web) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn missing_scope(&self) -> Option<AdminScope> {
        self.missing_scope
    }

    pub(in crate::web) fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the error of the operation, for callers in this process. It may contain more than
    /// the response.
    pub(super) fn into_error(self) -> Option<AdminError> {
        self.error.and_then(Arc::into_inner)
    }

    /// Returns the text for the caller.
    pub(in crate::web) fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the text for the log.
    pub(in crate::web) fn reason(&self) -> &str {
        self.cause.as_deref().unwrap_or(&self.detail)
    }

    /// Builds the document without a request id.
    pub(super) fn document(&self) -> ProblemDocument {
        ProblemDocument {
            kind: "about:blank",
            title: self.status.canonical_reason(),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail.clone(),
            errors: self.errors.clone(),
            request_id: None,
        }
    }

    /// Renders the response.
    pub(in crate::web) fn render(&self, request_id: &str) -> Response {
        let document =
            ProblemDocument { request_id: Some(request_id.to_owned()), ..self.document() };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.add_headers(&mut response);
        response
    }

    /// Adds the headers of this problem to a response, which may be a page.
    pub(in crate::web) fn add_headers(&self, response: &mut Response) {
        for (name, value) in &self.headers {
            response.headers_mut().append(name, value.clone());
        }
    }
}

/// Reports a change that this instance could not apply to its directory.
impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        Self::unavailable(&error.to_string())
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let code = error.code();
        let status = status(code);
        let problem = if status.is_server_error() {
            Self::of_server(status, &error)
        } else {
            let missing_scope = match &error {
                AdminError::ScopeMissing { scope } => Some(*scope),
                _ => None,
            };
            let problem = Self::new(status, code.as_str(), conditions::detail_of(&error));
            Self { errors: problem_places::of_error(&error), missing_scope, ..problem }
        };
        Self { error: Some(Arc::new(error)), ..problem }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}
