//! The problems in the document: one response for each status.

use utoipa::ToSchema;
use utoipa::openapi::{
    Content, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
};

use crate::web::management::problem::ProblemDocument;

/// Each status with its name in the document, and when it is answered.
const PROBLEMS: [(u16, &str, &str); 16] = [
    (400, "BadRequest", "The request cannot be read: its query, a header or the JSON."),
    (401, "Unauthorized", "The token is missing, or it is not valid here."),
    (403, "Forbidden", "The caller lacks a scope or a right; `detail` names it."),
    (404, "NotFound", "The object does not exist, or the caller may not see it."),
    (405, "MethodNotAllowed", "The path does not take this method; `Allow` names those it takes."),
    (406, "NotAcceptable", "`Accept` excludes the only form of the answer."),
    (408, "RequestTimeout", "The body did not arrive in time."),
    (409, "Conflict", "The state of the objects does not permit the change."),
    (412, "PreconditionFailed", "The object differs from the state that `If-Match` names."),
    (413, "ContentTooLarge", "The body is too large."),
    (415, "UnsupportedMediaType", "The body has another media type."),
    (422, "UnprocessableContent", "A value is not allowed; `errors` has its place in the body."),
    (428, "PreconditionRequired", "The change needs `If-Match`: the object differs."),
    (429, "TooManyRequests", "A limit is reached; try again after `Retry-After`."),
    (500, "InternalServerError", "The server failed. Its log has the reason."),
    (503, "ServiceUnavailable", "The server cannot do this right now; try again shortly."),
];

/// The name of the response of a status.
pub(super) fn name(status: u16) -> &'static str {
    let found = PROBLEMS.iter().find(|(known, ..)| *known == status);
    found.map_or("InternalServerError", |(_, name, _)| name)
}

/// The responses, by name.
pub(super) fn responses() -> impl Iterator<Item = (&'static str, Response)> {
    PROBLEMS.iter().map(|(status, name, text)| (*name, response(*status, text)))
}

fn response(status: u16, text: &str) -> Response {
    let schema = Ref::from_schema_name(ProblemDocument::name());
    let mut response = ResponseBuilder::new()
        .description(text)
        .content("application/problem+json", Content::new(Some(schema)))
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
