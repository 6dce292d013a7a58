//! What every route of the admin API has: a caller with the scope, and a query that is known.

use std::sync::Arc;

use axum::RequestPartsExt;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::admin::Principal;
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::web::management::json::Parameters;
use crate::web::management::{Problem, authentication};

/// What a route requires of its requests.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) app: Arc<App>,
    /// The scope of `urn:tokend` that the caller needs.
    pub(super) scope: AdminScope,
    pub(super) query: RouteQuery,
}

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
            next.run(Request::from_parts(head, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn principal(guard: &Guard, head: &mut Parts) -> Result<Principal, Problem> {
    let principal = authentication::authenticate(&guard.app, head).await?;
    principal.require(guard.scope)?;
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
