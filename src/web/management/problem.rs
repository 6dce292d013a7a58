//! Errors of the admin API as problem documents (RFC 9457).
//!
//! Turning a problem into a response only puts it into the response's extensions. The outermost
//! layer ([`crate::web::pipeline`]) knows the id of the request: it writes the body and the log.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::admin::{AdminError, AdminErrorCode, ObjectKind};
use crate::model::rate::RateExceeded;
use crate::model::untrusted_text;
use crate::telemetry;

/// An answer with a status of 4xx or 5xx.
#[derive(Debug, Clone)]
pub(in crate::web) struct Problem {
    status: StatusCode,
    code: &'static str,
    /// For the caller.
    detail: String,
    /// Where the problem is in the body (RFC 6901).
    pointer: Option<String>,
    /// For the log, if it is not for the caller.
    cause: Option<String>,
    /// After how many seconds to try again.
    retry_after: Option<u32>,
    /// The error of the verb, if there is one: for a caller in this process.
    error: Option<Arc<AdminError>>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let (detail, retry_after) = (detail.into(), None);
        Self { status, code, detail, pointer: None, cause: None, retry_after, error: None }
    }

    /// 401 for a request without a token (RFC 6750, section 3.1).
    pub(super) fn unauthenticated() -> Self {
        let detail = "The admin API takes an access token for urn:tokend: Authorization: Bearer.";
        Self::new(StatusCode::UNAUTHORIZED, "token_missing", detail)
    }

    /// 401 for a token that is not valid here.
    pub(super) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", detail)
    }

    /// 403.
    pub(super) fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404 for an id that cannot exist, such as one with a control character.
    pub(super) fn absent(kind: ObjectKind, id: &str) -> Self {
        AdminError::not_found(kind, untrusted_text::escape(id)).into()
    }

    /// 400 for a request that cannot be read.
    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 413, 415 and other problems of the body as a whole.
    pub(super) fn of_body(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(status, code, detail)
    }

    /// 422 for a member of the body.
    pub(super) fn member(pointer: String, detail: impl Into<String>) -> Self {
        let code = AdminErrorCode::InvalidValue.as_str();
        Self { pointer: Some(pointer), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail) }
    }

    /// 429 (RFC 6585, section 4).
    pub(super) fn too_many_requests(exceeded: RateExceeded) -> Self {
        let detail =
            format!("Too many requests of this caller. Try again in {} s.", exceeded.seconds);
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
        Self { retry_after: Some(exceeded.seconds), ..problem }
    }

    /// 503.
    pub(super) fn unavailable(cause: &str) -> Self {
        let detail = "The server cannot do this right now. Try again shortly.";
        let cause = Some(cause.to_owned());
        Self {
            cause,
            retry_after: Some(2),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", detail)
        }
    }

    /// 500.
    pub(super) fn internal(cause: &str) -> Self {
        let detail = "The server failed. The reason is in its log, under the request id.";
        let cause = Some(cause.to_owned());
        Self { cause, ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", detail) }
    }

    /// The status.
    pub(in crate::web) fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub(in crate::web) fn code(&self) -> &'static str {
        self.code
    }

    /// The error of the verb, for a caller in this process: it says more than the answer may.
    pub(super) fn into_error(self) -> Option<AdminError> {
        self.error.and_then(Arc::into_inner)
    }

    /// What the log says.
    pub(in crate::web) fn reason(&self) -> &str {
        self.cause.as_deref().unwrap_or(&self.detail)
    }

    /// The document, without the id of the request.
    pub(super) fn document(&self) -> Value {
        let mut document = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(pointer) = &self.pointer {
            document["errors"] = json!([{ "pointer": pointer, "detail": self.detail }]);
        }
        document
    }

    /// Writes the answer.
    pub(in crate::web) fn render(&self, request_id: &str) -> Response {
        let mut body = self.document();
        body["request_id"] = request_id.into();
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The challenge of RFC 6750, section 3.
    fn challenge(&self) -> Option<&'static str> {
        match self.code {
            "token_missing" => Some("Bearer realm=\"tokend\""),
            "invalid_token" => Some("Bearer realm=\"tokend\", error=\"invalid_token\""),
            _ if self.code == AdminErrorCode::ScopeMissing.as_str() => {
                Some("Bearer realm=\"tokend\", error=\"insufficient_scope\"")
            }
            _ => None,
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let code = error.code();
        let status = status(code);
        let problem = if status.is_server_error() {
            let cause = telemetry::with_causes(&error);
            match status {
                StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(&cause),
                _ => Self::internal(&cause),
            }
        } else {
            let pointer = match &error {
                AdminError::Invalid { field, .. } => Some(format!("/{}", field.replace(' ', "_"))),
                _ => None,
            };
            Self { pointer, ..Self::new(status, code.as_str(), error.to_string()) }
        };
        Self { error: Some(Arc::new(error)), ..problem }
    }
}

fn status(code: AdminErrorCode) -> StatusCode {
    use AdminErrorCode as Code;
    match code {
        Code::ClientNotFound
        | Code::ClientNotInList
        | Code::ResourceNotFound
        | Code::ScopeNotFound
        | Code::GrantNotFound
        | Code::SecretNotFound
        | Code::KeyNotFound
        | Code::TrustNotFound
        | Code::RejectionNotFound
        | Code::SigningKeyNotFound
        | Code::ClaimNotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists
        | Code::SecretLimitReached
        | Code::KeySourceConflict
        | Code::BuiltInResource
        | Code::BuiltInScopes
        | Code::NoKeyLost
        | Code::ChangedDuringImport
        | Code::ImportConflict => StatusCode::CONFLICT,
        Code::InvalidValue
        | Code::GrantWithoutScopes
        | Code::AllServerScopes
        | Code::IssuerKeysMissing
        | Code::AudienceMissing
        | Code::TlsSubjectMissing
        | Code::ClaimReserved
        | Code::ClaimInvalid
        | Code::ClaimLimitExceeded
        | Code::TokenRefused
        | Code::TokenInvalid
        | Code::TokenForServer
        | Code::IssuerMissing => StatusCode::UNPROCESSABLE_ENTITY,
        Code::ScopeMissing | Code::ClientMorePowerful | Code::RightsNotHeld => {
            StatusCode::FORBIDDEN
        }
        Code::HashQueueFull | Code::DatabaseFailed => StatusCode::SERVICE_UNAVAILABLE,
        Code::MasterKeyUnusable | Code::CryptographyFailed => StatusCode::INTERNAL_SERVER_ERROR,
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
