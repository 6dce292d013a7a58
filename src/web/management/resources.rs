//! `/v1/resources`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::admin::{AdminError, Principal, resource};
use crate::app::App;
use crate::web::management::Problem;
use crate::web::management::grants::resource_id;
use crate::web::management::json::{Input, Output, Page, created, ok};
use crate::web::management::resource_json::{ResourceInput, ResourceJson};

pub(super) async fn list(
    State(app): State<Arc<App>>,
) -> Result<Output<Page<ResourceJson>>, Problem> {
    let found = app.services.store.resources().await.map_err(AdminError::from)?;
    let data = found.into_iter().map(ResourceJson::from).collect();
    Ok(ok(Page { data, next_cursor: None }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Output<ResourceJson>, Problem> {
    let found = resource::show(&app.services.store, &resource_id(&id)?).await?;
    Ok(ok(ResourceJson::read(&app.services, found).await?))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Input(input): Input<ResourceInput>,
) -> Result<Output<ResourceJson>, Problem> {
    let made = resource::create(&app.services, &principal, input.new_resource()?).await?;
    Ok(created(ResourceJson::read(&app.services, made).await?))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    resource::delete(&app.services, &principal, &resource_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
