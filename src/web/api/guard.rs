//! The guard of every admin API route. It checks the token, the scopes and the query.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, RequestPartsExt};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::admin::{AdminError, Principal};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::web::access_log::LoggedClient;
use crate::web::api::json::Parameters;
use crate::web::api::{Problem, authentication, challenge};
use crate::web::bearer;

/// With the value `true`, permits changes to objects that are applied from a source, and steps with
/// signing keys that break verifiers.
pub const FORCE_HEADER: &str = "tokend-force";

/// The method to find the caller of a request.
#[derive(Clone)]
pub(in crate::web) enum Access {
    /// By access token. Every listener uses this variant.
    Token,
    /// The operator of this process. A request cannot select this variant, because it is part of
    /// the router, and no listener gets such a router.
    Operator(Principal),
}

/// The maximum body size of most routes in bytes.
const MAX_BODY_BYTES: usize = 256 << 10;

/// The requirements of a route.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) scopes: RouteScopes,
    pub(super) query: RouteQuery,
    pub(super) max_body: BodyLimit,
}

impl Guard {
    /// Returns a guard with the usual body limit.
    pub(super) fn new(scopes: RouteScopes, query: RouteQuery) -> Self {
        Self { scopes, query, max_body: BodyLimit(MAX_BODY_BYTES) }
    }

    /// Sets the maximum body size in bytes.
    pub(super) fn with_max_body(self, bytes: usize) -> Self {
        Self { max_body: BodyLimit(bytes), ..self }
    }
}

/// The scopes of `urn:tokend` that a route requires.
#[derive(Debug, Clone, Copy)]
pub(super) enum RouteScopes {
    One(AdminScope),
    All(&'static [AdminScope]),
    /// At least one of these. The operation checks the rights that the body needs.
    AnyOf(&'static [AdminScope]),
}

impl RouteScopes {
    fn check(self, principal: &Principal) -> Result<(), AdminError> {
        match self {
            Self::One(scope) => principal.require(scope),
            Self::All(scopes) => scopes.iter().try_for_each(|scope| principal.require(*scope)),
            Self::AnyOf(scopes) => {
                let checks = scopes.iter().map(|scope| principal.require(*scope));
                checks.reduce(Result::or).unwrap_or(Ok(()))
            }
        }
    }
}

/// The maximum body size of a route in bytes. Requests carry it as an extension.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimit(pub(super) usize);

/// The allowed query of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RouteQuery {
    None,
    DryRun,
    /// The parameters that the handler defines.
    OfHandler,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParameters {}

/// The parameters of a route that writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteParameters {
    /// True to check the request and build the response without storing the change.
    #[serde(default)]
    dry_run: bool,
}

/// Admits requests with a valid token and adds their principal. A caller without a token learns
/// nothing about paths, methods or bodies.
pub(super) async fn authenticate(
    State((app, access)): State<(Arc<App>, Access)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    let scheme = bearer::presented_scheme(&head.headers);
    let mut response = match principal(&app, access, &head).await {
        Ok(principal) => {
            let client = principal.client_id().map(|id| LoggedClient(id.as_str().to_owned()));
            head.extensions.insert(principal);
            let mut response = next.run(Request::from_parts(head, body)).await;
            client.and_then(|client| response.extensions_mut().insert(client));
            response
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(problem) = response.extensions_mut().get_mut::<Problem>() {
        problem.add_challenges(challenge::challenges(&app, problem, scheme));
    }
    response
}

async fn principal(app: &App, access: Access, head: &Parts) -> Result<Principal, Problem> {
    let principal = match access {
        Access::Operator(principal) => principal,
        Access::Token => authentication::authenticate(app, head).await?,
    };
    // axum would reject such a path in plain text.
    match percent_decode_str(head.uri.path()).decode_utf8() {
        Ok(_) => Ok(principal),
        Err(_) => Err(Problem::bad_request("invalid_path", "The path is not UTF-8.")),
    }
}

/// Admits requests whose principal has the scopes. The query and the headers can switch the
/// principal to a dry run or a forced change.
pub(super) async fn authorize(
    State(guard): State<Guard>,
    Extension(principal): Extension<Principal>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    match permitted(&guard, principal, &mut head).await {
        Ok(principal) => {
            head.extensions.insert(principal);
            head.extensions.insert(guard.max_body);
            let response = next.run(Request::from_parts(head, body)).await;
            if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
                return Problem::body_too_large(guard.max_body).into_response();
            }
            response
        }
        Err(problem) => problem.into_response(),
    }
}

async fn permitted(
    guard: &Guard,
    principal: Principal,
    head: &mut Parts,
) -> Result<Principal, Problem> {
    guard.scopes.check(&principal)?;
    let is_forced = head.headers.get(FORCE_HEADER).is_some_and(|value| value == "true");
    let principal = if is_forced { principal.forced() } else { principal };
    match guard.query {
        RouteQuery::OfHandler => Ok(principal),
        RouteQuery::None => {
            let Parameters(NoParameters {}) = head.extract().await?;
            Ok(principal)
        }
        RouteQuery::DryRun => {
            let Parameters(WriteParameters { dry_run }) = head.extract().await?;
            Ok(if dry_run { principal.for_dry_run() } else { principal })
        }
    }
}
