//! A failed request as an error of the command. Text, code and exit code are the same for a failed
//! operation in this process and for a problem document of a server.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::admin::{AdminError, AdminErrorCode};
use crate::cli::error::CliError;
use crate::cli::error::codes::CliErrorCode;
use crate::cli::remedies::command::ServerRemedy;
use crate::remedies;

/// The cause of a failed request.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An admin operation in this process failed.
    Operation(AdminError),
    /// A server responded with an error, or its response is missing.
    Answer {
        /// The stable code of the response; empty if there was none.
        code: String,
        /// The status of the response; `None` if there was none.
        status: Option<StatusCode>,
        error: CliError,
    },
}

/// The code of a response to an invalid token.
const INVALID_TOKEN: &str = "invalid_token";

/// The code of a response while the first request with the same `Idempotency-Key` is running.
const KEY_IN_USE: &str = "idempotency_key_in_use";

/// The code of a response while the server runs another apply.
const APPLY_IN_PROGRESS: &str = "apply_in_progress";

/// A problem document (RFC 9457).
#[derive(Debug, Deserialize)]
struct ProblemDocument {
    code: String,
    detail: String,
    request_id: Option<String>,
}

impl Failure {
    /// Returns the JSON of a response, `null` if its body is empty, or the failure that it
    /// describes.
    pub(super) fn or_json(status: StatusCode, body: &[u8]) -> Result<Value, Self> {
        if !status.is_success() {
            return Err(Self::of_answer(status, body));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        // An error of serde would quote a part of the text, which may contain a secret.
        serde_json::from_slice(body).map_err(|_| Self::Answer {
            code: String::new(),
            status: Some(status),
            error: CliError::server("the server sent an answer that is not JSON"),
        })
    }

    /// Returns the failure that a 4xx or 5xx response describes.
    pub(crate) fn of_answer(status: StatusCode, body: &[u8]) -> Self {
        let Ok(problem) = serde_json::from_slice::<ProblemDocument>(body) else {
            let text = format!("the server answered {status}, without a problem document");
            let error = CliError::server(text).with_remedy(ServerRemedy::NameManagementListener);
            return Self::Answer { code: String::new(), status: Some(status), error };
        };
        let ProblemDocument { code, detail, request_id } = problem;
        let admin_code = AdminErrorCode::parse(&code);
        let error = CliError::with_codes(cli_code(status, admin_code), admin_code, detail);
        let error = match (admin_code.and_then(remedies::of_admin_code), request_id) {
            (Some(remedy), _) => error.with_remedy(remedy),
            (None, Some(id)) if status.is_server_error() => {
                error.with_remedy(ServerRemedy::ReadLog { request_id: id })
            }
            (None, _) if code == INVALID_TOKEN => error.with_remedy(ServerRemedy::CompareIssuer),
            (None, _) => error,
        };
        Self::Answer { code, status: Some(status), error }
    }

    /// True if the failure has this code.
    pub(crate) fn is(&self, code: AdminErrorCode) -> bool {
        match self {
            Self::Operation(error) => error.code() == code,
            Self::Answer { code: found, .. } => found == code.as_str(),
        }
    }

    /// True if the caller lacks the permission.
    pub(crate) fn is_not_allowed(&self) -> bool {
        matches!(self, Self::Answer { error, .. } if error.is_not_allowed())
    }

    /// True if the request may have been carried out. The response was lost or is unreadable, or a
    /// proxy failed or sent the request twice.
    pub(crate) fn may_have_been_done(&self) -> bool {
        match self {
            Self::Operation(_) => false,
            Self::Answer { error, status, .. } => {
                let is_open = |status: StatusCode| status.is_server_error() || status.is_success();
                error.is_outcome_unknown() || status.is_some_and(is_open) || self.is_key_in_use()
            }
        }
    }

    /// True if another request with the same `Idempotency-Key` is running.
    pub(crate) fn is_key_in_use(&self) -> bool {
        matches!(self, Self::Answer { code, .. } if code == KEY_IN_USE)
    }

    /// True if the server runs another apply, or already holds the body of one from this caller.
    pub(crate) fn is_apply_in_progress(&self) -> bool {
        matches!(self, Self::Answer { code, .. } if code == APPLY_IN_PROGRESS)
    }

    /// True if the response to a repeated request proves that the first one was rejected: the API
    /// ran it again and rejected its content. Every other failure proves nothing: a conflict may be
    /// caused by the first request, and a limit may be temporary.
    pub(crate) fn proves_rejection(&self) -> bool {
        let Self::Answer { code, status: Some(status), .. } = self else { return false };
        matches!(*status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY)
            && AdminErrorCode::parse(code).is_some()
    }

    /// True if the API ran a request and rejected it because of its content or because of existing
    /// objects.
    pub(crate) fn is_rejected_change(&self) -> bool {
        let Self::Answer { code, status: Some(status), .. } = self else { return false };
        self.proves_rejection()
            || *status == StatusCode::CONFLICT && AdminErrorCode::parse(code).is_some()
    }

    /// True if the token of the request is invalid or no longer valid.
    pub(super) fn is_invalid_token(&self) -> bool {
        matches!(self, Self::Answer { code, .. } if code == INVALID_TOKEN)
    }

    /// True if a retry of the same request may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Operation(AdminError::Store(error)) => error.is_transient(),
            Self::Operation(_) => false,
            Self::Answer { error, .. } => error.is_unreachable(),
        }
    }

    /// Converts into the error of the command.
    pub(crate) fn into_error(self) -> CliError {
        match self {
            Self::Operation(error) => error.into(),
            Self::Answer { error, .. } => error,
        }
    }
}

/// Maps a response to an error code of the command. If this version does not know the code of the
/// response, the status decides.
fn cli_code(status: StatusCode, code: Option<AdminErrorCode>) -> CliErrorCode {
    if let Some(code) = code {
        return CliErrorCode::of_admin(code);
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => CliErrorCode::NotAllowed,
        StatusCode::NOT_FOUND => CliErrorCode::NotFound,
        StatusCode::CONFLICT
        | StatusCode::PRECONDITION_FAILED
        | StatusCode::PRECONDITION_REQUIRED => CliErrorCode::Conflict,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => CliErrorCode::Usage,
        StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::BAD_GATEWAY
        | StatusCode::GATEWAY_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS => CliErrorCode::Server,
        _ => CliErrorCode::Failed,
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self::Answer { code: String::new(), status: None, error }
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        failure.into_error()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, code: &str) -> Failure {
        let body = format!(r#"{{"code":"{code}","detail":"what failed","request_id":"req_1"}}"#);
        let status = StatusCode::from_u16(status).expect("a status");
        Failure::or_json(status, body.as_bytes()).expect_err("a failure")
    }

    #[test]
    fn each_status_has_its_exit_code() {
        for (status, code, exit) in [
            (401, "invalid_token", 6),
            (403, "forbidden", 6),
            (403, "client_more_powerful", 6),
            (404, "client_not_found", 4),
            (409, "already_exists", 5),
            (412, "changed", 5),
            (422, "invalid_value", 2),
            (400, "invalid_query", 2),
            (500, "server_error", 1),
            (503, "temporarily_unavailable", 7),
            (503, "hash_queue_full", 7),
            (503, "database_failed", 7),
            (503, "outcome_unknown", 7),
            (500, "database_unreadable", 1),
        ] {
            assert_eq!(failure(status, code).into_error().exit_code(), exit, "{status} {code}");
        }
    }

    #[test]
    fn only_a_rejected_content_proves_that_the_first_request_was_rejected() {
        assert!(failure(422, "invalid_value").proves_rejection());
        for (status, code) in [
            (409, "idempotency_key_in_use"),
            (422, "idempotency_key_reused"),
            (429, "too_many_idempotency_keys"),
            (409, "already_exists"),
            (403, "forbidden"),
            (404, "client_not_found"),
            (400, "of_a_proxy"),
            (503, "database_failed"),
        ] {
            assert!(!failure(status, code).proves_rejection(), "{status} {code}");
        }
        let unreadable = Failure::or_json(StatusCode::OK, b"{").expect_err("a failure");
        assert!(unreadable.may_have_been_done() && !unreadable.proves_rejection());
        assert!(failure(409, "idempotency_key_in_use").may_have_been_done());
        assert!(!failure(409, "already_exists").may_have_been_done());
    }

    #[test]
    fn an_answer_of_another_server_is_distinguished_from_one_of_the_api() {
        let failure = Failure::or_json(StatusCode::NOT_FOUND, b"<html>").expect_err("a failure");
        assert!(!failure.is(AdminErrorCode::ClientNotFound));
        let error = failure.into_error();
        assert_eq!(error.exit_code(), 7);
        assert!(error.as_text().contains("404"), "{}", error.as_text());
        let error = Failure::or_json(StatusCode::OK, b"tkd_secret").expect_err("a failure");
        assert!(!error.into_error().as_text().contains("tkd_"));
        assert_eq!(Failure::or_json(StatusCode::NO_CONTENT, b"").expect("null"), Value::Null);
    }
}
