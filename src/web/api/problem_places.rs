//! Places of invalid values in a request body, as JSON pointers (RFC 6901).

use crate::admin::{AdminError, InvalidValue};
use crate::model::static_claims::ClaimsError;
use crate::secrets::secret;
use crate::web::api::problem::PlacedProblem;

/// Returns the places of the values that an operation rejected. The list is empty if the value is
/// not a member of the body.
pub(super) fn of_error(error: &AdminError) -> Vec<PlacedProblem> {
    let place = |pointer: String, detail: String| PlacedProblem { pointer, detail };
    match error {
        AdminError::Invalid { problem: InvalidValue::Places { places, .. }, .. } => {
            let places = places.iter();
            // The name of an unknown member may be a secret.
            let redacted = |pointer: &String| secret::redact(pointer).into_owned();
            places.map(|(pointer, detail)| place(redacted(pointer), detail.clone())).collect()
        }
        AdminError::Invalid { field, .. } => {
            let pointer = pointer_of(field).into_iter();
            pointer.map(|pointer| place(pointer.to_owned(), error.to_string())).collect()
        }
        AdminError::Claims(problem) => {
            vec![place(pointer_of_claim("/claims", problem), error.to_string())]
        }
        _ => Vec::new(),
    }
}

/// Returns the JSON pointer of a field that an operation names.
fn pointer_of(field: &str) -> Option<&'static str> {
    Some(match field {
        "admin_of" => "/admin_of",
        "algorithm" => "/algorithm",
        "assertion audience" => "/assertion_audiences",
        "audience" => "/audience",
        "binding" => "/dpop_bound_access_tokens",
        "client_id" => "/client_id",
        "conditions" => "/conditions",
        "issuer" => "/issuer",
        "keys" => "/jwks",
        "label" => "/label",
        "labels" => "/labels",
        "owner" => "/owner",
        "resource" => "/resource",
        "scope" => "/scopes",
        "state" => "/state",
        "text" => "/text",
        "token lifetime" => "/token_ttl_seconds",
        "token typ" => "/token_typ",
        // Too many trusts are a problem of the whole body.
        "trust" => "",
        // Other fields are query parameters, lines of an import, or texts without JSON.
        _ => return None,
    })
}

/// Returns the pointer of the claim that a problem names, or of all claims.
pub(super) fn pointer_of_claim(claims: &str, problem: &ClaimsError) -> String {
    match problem.claim() {
        Some(name) => secret::redact(&format!("{claims}/{}", segment(name))).into_owned(),
        None => claims.to_owned(),
    }
}

/// Escapes a name for a JSON pointer (RFC 6901, section 3).
pub(super) fn segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
