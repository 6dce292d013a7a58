//! `/v1/resources`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::admin::{Principal, resource};
use crate::app::App;
use crate::web::management::Problem;
use crate::web::management::grants::resource_id;
use crate::web::management::json::{Input, Output, Page, created, ok};
use crate::web::management::resource_json::{ResourceInput, ResourceJson};

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
) -> Result<Output<Page<ResourceJson>>, Problem> {
    let found = resource::list(&app.services.store, &principal).await?;
    let data = found.into_iter().map(ResourceJson::from).collect();
    Ok(ok(Page { data, next_cursor: None }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Output<ResourceJson>, Problem> {
    let found = resource::show(&app.services.store, &principal, &resource_id(&id)?).await?;
    Ok(ok(found.into()))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Input(input): Input<ResourceInput>,
) -> Result<Output<ResourceJson>, Problem> {
    let made = resource::create(&app.services, &principal, input.new_resource()?).await?;
    Ok(created(made.into()))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    resource::delete(&app.services, &principal, &resource_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
