//! The problem responses of the document: one for each status, with all its codes.

use axum::http::StatusCode;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::{
    Content, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
};

use crate::admin::AdminErrorCode;
use crate::web::api::problem::ProblemDocument;
use crate::web::api::problem_status::status as status_of_verb;

/// Each status with its name in the document and its meaning.
const PROBLEMS: [(u16, &str, &str); 17] = [
    (400, "BadRequest", "The request cannot be read: its path, its query, a header or the body."),
    (401, "Unauthorized", "The token is missing, or it is not valid here."),
    (403, "Forbidden", "The caller lacks a scope or a right; `detail` names it."),
    (404, "NotFound", "The object does not exist, or the caller may not see it."),
    (405, "MethodNotAllowed", "The path does not take this method; `Allow` names those it takes."),
    (406, "NotAcceptable", "`Accept` excludes the only form of the response."),
    (408, "RequestTimeout", "The body did not arrive in time."),
    (409, "Conflict", "The state of the objects does not permit the change."),
    (412, "PreconditionFailed", "The object differs from the state that `If-Match` names."),
    (413, "ContentTooLarge", "The body is too large."),
    (415, "UnsupportedMediaType", "The body has another media type."),
    (421, "MisdirectedRequest", "`Host` is not a name of the listener."),
    (422, "UnprocessableContent", "A value is not allowed; `errors` has its place in the body."),
    (428, "PreconditionRequired", "The change needs `If-Match`: the object differs."),
    (429, "TooManyRequests", "A limit is reached; try again after `Retry-After`."),
    (500, "InternalServerError", "The server failed. Its log has the reason."),
    (503, "ServiceUnavailable", "The server cannot do this right now; try again shortly."),
];

/// The codes of requests that do not reach an admin operation, with their status. The codes of
/// operations are in [`AdminErrorCode`].
pub(in crate::web::api) const OF_REQUESTS: [(u16, &str, &str); 32] = [
    (400, "invalid_body", "The body cannot be read to its end."),
    (400, "invalid_header", "A header cannot be read."),
    (400, "invalid_idempotency_key", "`Idempotency-Key` is not 1 to 255 printable characters."),
    (400, "invalid_json", "The body is not JSON."),
    (400, "invalid_last_event_id", "`Last-Event-ID` is not the id of an event."),
    (400, "invalid_path", "The path is not UTF-8."),
    (400, "invalid_query", "A parameter of the query is unknown, or its value is not allowed."),
    (401, "invalid_dpop_proof", "The DPoP proof is missing or invalid."),
    (401, "invalid_token", "The token has expired, is revoked, or is not for this API."),
    (401, "token_missing", "The request has no access token."),
    (401, "use_dpop_nonce", "The DPoP proof needs the nonce of the header `DPoP-Nonce`."),
    (404, "not_found", "The path does not exist."),
    (405, "method_not_allowed", "The path does not take this method."),
    (406, "not_acceptable", "The stream is `text/event-stream`, and `Accept` excludes it."),
    (408, "body_too_slow", "The body did not arrive in time."),
    (409, "apply_in_progress", "The instance runs another apply."),
    (409, "event_not_found", "The log ends before the event of `Last-Event-ID`."),
    (409, "events_removed", "Events after that place were removed for their age."),
    (409, "idempotency_key_in_use", "The first request with this `Idempotency-Key` is running."),
    (409, "import_in_progress", "The instance runs another import."),
    (409, "log_replaced", "The audit log was replaced, most likely by a backup."),
    (413, "body_too_large", "The body is larger than the route takes."),
    (415, "unsupported_media_type", "`Content-Type` is not what the route takes."),
    (421, "unknown_host", "`Host` is not a name of the listener."),
    (422, "idempotency_key_reused", "The `Idempotency-Key` came with another request before."),
    (428, "revision_required", "An approval names the revision that was read."),
    (429, "too_many_idempotency_keys", "The caller has too many keys that are stored."),
    (429, "too_many_requests", "The caller sends too many requests."),
    (429, "too_many_streams", "Too many streams are open."),
    (429, "verification_in_progress", "The instance verifies the log for another request."),
    (500, "server_error", "The server failed."),
    (503, "temporarily_unavailable", "The database or another part is unavailable."),
];

pub(super) fn name(status: u16) -> &'static str {
    let found = PROBLEMS.iter().find(|(known, ..)| *known == status);
    found.map_or("InternalServerError", |(_, name, _)| name)
}

pub(super) fn responses() -> impl Iterator<Item = (&'static str, Response)> {
    PROBLEMS.iter().map(|(status, name, text)| (*name, response(*status, text)))
}

/// Returns the codes of a status with their meanings.
fn codes(status: u16) -> Vec<(&'static str, &'static str)> {
    let of_requests = OF_REQUESTS.iter().filter(|(known, ..)| *known == status);
    let of_requests = of_requests.map(|(_, code, meaning)| (*code, *meaning));
    // A server error of an operation is not listed, because its cause is not shown to the caller.
    let of_verbs = AdminErrorCode::ALL.into_iter().filter(|code| {
        let is = status_of_verb(*code);
        is.as_u16() == status && !is.is_server_error()
    });
    of_requests.chain(of_verbs.map(|code| (code.as_str(), code.meaning()))).collect()
}

fn response(status: u16, text: &str) -> Response {
    let codes = codes(status);
    let list: Vec<_> =
        codes.iter().map(|(code, meaning)| format!("- `{code}`: {meaning}")).collect();
    let schema = Ref::from_schema_name(ProblemDocument::name());
    let mut content = Content::new(Some(schema));
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    content.example = codes.first().map(|(code, meaning)| {
        json!({
            "type": "about:blank",
            "title": title,
            "status": status,
            "code": code,
            "detail": meaning,
            "request_id": "req_KfAPnLS0MFyEF6HBc9yT",
        })
    });
    let mut response = ResponseBuilder::new()
        .description(format!("{text}\n\n{}", list.join("\n")))
        .content("application/problem+json", content)
        .build();
    let header = match status {
        401 => Some(("WWW-Authenticate", "The schemes, and where the metadata is (RFC 9728).")),
        405 => Some(("Allow", "The methods that the path takes.")),
        429 | 503 => Some(("Retry-After", "How many seconds to wait.")),
        _ => None,
    };
    if let Some((name, text)) = header {
        let schema = ObjectBuilder::new().schema_type(Type::String);
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(text)).build();
        response.headers.insert(name.to_owned(), RefOr::T(header));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_response() {
        for (status, code, _) in OF_REQUESTS {
            assert!(PROBLEMS.iter().any(|(known, ..)| *known == status), "{code}");
        }
        for code in AdminErrorCode::ALL {
            let answered = status_of_verb(code).as_u16();
            assert!(PROBLEMS.iter().any(|(known, ..)| *known == answered), "{code:?}");
        }
    }
}
