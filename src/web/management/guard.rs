//! What every route of the admin API has: a caller with the scope, and a query that is known.

use std::sync::Arc;

use axum::RequestPartsExt;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::admin::{AdminError, Principal};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::web::management::json::Parameters;
use crate::web::management::{FORCE_HEADER, Problem, authentication};

/// What a route requires of its requests.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) app: Arc<App>,
    pub(super) scopes: RouteScopes,
    pub(super) query: RouteQuery,
    pub(super) max_body: BodyLimit,
}

/// The scopes of `urn:tokend` that the caller of a route needs.
#[derive(Debug, Clone, Copy)]
pub(super) enum RouteScopes {
    /// This one.
    One(AdminScope),
    /// Each of these.
    All(&'static [AdminScope]),
    /// At least one of these; the body decides which rights are needed, and the verb checks them.
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

/// The largest body of a request to a route, in bytes. Requests carry it as an extension.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimit(pub(super) usize);

/// What the query of a route may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RouteQuery {
    /// Nothing.
    None,
    /// `dry_run`.
    DryRun,
    /// What its handler reads.
    OfHandler,
}

/// The parameters of a route that takes none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParameters {}

/// The parameters of a route that writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteParameters {
    /// True to check and answer everything, and to store nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Lets a request through whose token has the scope, with the principal for the handler.
pub(super) async fn authorize(
    State(guard): State<Guard>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    match principal(&guard, &mut head).await {
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

async fn principal(guard: &Guard, head: &mut Parts) -> Result<Principal, Problem> {
    let principal = authentication::authenticate(&guard.app, head).await?;
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
