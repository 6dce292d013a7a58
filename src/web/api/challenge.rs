//! Challenges of the admin API (RFC 6750, section 3; RFC 9449, section 7.1). Each one links to the
//! metadata that names the issuer (RFC 9728, section 5.1).

use axum::http::{HeaderValue, StatusCode};

use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::signing_key::Algorithm;
use crate::oauth::check::Scheme;
use crate::oauth::protected_resource::resource_metadata_url;
use crate::web::api::Problem;

/// Returns the challenges of a problem. A 401 has one for each scheme. A missing scope has one for
/// the scheme that the caller used; other problems have none. `presented` is the scheme of the
/// token, if present.
pub(super) fn challenges(
    app: &App,
    problem: &Problem,
    presented: Option<Scheme>,
) -> Vec<HeaderValue> {
    let used = presented.unwrap_or(Scheme::Bearer);
    let metadata = resource_metadata_url(app);
    let error = match (problem.status(), problem.missing_scope()) {
        // A request without a token gets no error code (RFC 6750, section 3.1).
        (StatusCode::UNAUTHORIZED, _) => presented.map(|_| problem.code()),
        (_, Some(scope)) => {
            let text = challenge(used, Some("insufficient_scope"), Some(scope), metadata.as_ref());
            return HeaderValue::from_str(&text).into_iter().collect();
        }
        _ => return Vec::new(),
    };
    let of_scheme = |scheme| {
        let error = error.filter(|_| scheme == used);
        HeaderValue::from_str(&challenge(scheme, error, None, metadata.as_ref())).ok()
    };
    [Scheme::Bearer, Scheme::Dpop].into_iter().filter_map(of_scheme).collect()
}

fn challenge(
    scheme: Scheme,
    error: Option<&str>,
    scope: Option<AdminScope>,
    metadata: Option<&String>,
) -> String {
    let mut text = match scheme {
        Scheme::Bearer => "Bearer realm=\"tokend\"".to_owned(),
        Scheme::Dpop => {
            let algorithms = Algorithm::ALL.map(Algorithm::as_str).join(" ");
            format!("DPoP realm=\"tokend\", algs=\"{algorithms}\"")
        }
    };
    let parameters = [
        ("error", error),
        ("scope", scope.map(AdminScope::as_str)),
        ("resource_metadata", metadata.map(String::as_str)),
    ];
    for (name, value) in parameters {
        // Codes, scopes and normalized URLs contain no quotes.
        if let Some(value) = value {
            text.push_str(&format!(", {name}=\"{value}\""));
        }
    }
    text
}
