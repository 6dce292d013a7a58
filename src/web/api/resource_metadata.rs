//! `/.well-known/oauth-protected-resource` (RFC 9728). The route is public, because a caller
//! without a token reads here where to get one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;

use crate::app::App;
use crate::oauth::protected_resource::{ResourceMetadata, resource_metadata};
use crate::web::api::Problem;
use crate::web::api::json::{Output, ok};
use crate::web::api::openapi::Description;

/// Describes the route for the `OpenAPI` document.
pub(super) fn describe() -> Description {
    let mut description = Description::default();
    description.answers_with::<ResourceMetadata>("application/json");
    description.fails_with([404]);
    description
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    method: Method,
) -> Result<Output<ResourceMetadata>, Problem> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(Problem::method_not_allowed("GET, HEAD"));
    }
    resource_metadata(&app).map(ok).ok_or_else(Problem::without_metadata)
}
