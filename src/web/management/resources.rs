//! `/v1/resources`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::admin::{AdminError, Principal, resource};
use crate::app::App;
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::store::resources::ResourceFilter;
use crate::web::management::Problem;
use crate::web::management::facts_json::query_labels;
use crate::web::management::grants::resource_id;
use crate::web::management::json::{
    Input, Output, Page, Parameters, created, ok, page_size, parsed_parameter, text_parameter,
};
use crate::web::management::resource_json::{ResourceInput, ResourceJson};

/// How many resources a page has by default.
const PAGE_SIZE: u32 = 50;

/// The longest text that resources are searched for, in characters.
const MAX_SEARCH_CHARS: usize = 100;

/// Which resources a list holds, in alphabetical order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<u32>,
    /// The last resource of the page before.
    cursor: Option<String>,
    owner: Option<String>,
    /// Such as `team=payments`; several are separated by commas.
    label: Option<String>,
    /// A part of the identifier.
    q: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<Page<ResourceJson>>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)?;
    let owner = parsed_parameter("owner", query.owner, Owner::parse)?;
    let search = query.q.as_deref().map(|text| text_parameter("q", text, MAX_SEARCH_CHARS));
    let filter = ResourceFilter {
        owners: owner.map(|owner| [owner].into()),
        labels: query.label.as_deref().map(query_labels).transpose()?.unwrap_or_default(),
        search: search.transpose()?.map(str::to_owned),
    };
    let after = parsed_parameter("cursor", query.cursor, ResourceId::parse)?;
    let after = after.as_ref().map(ResourceId::as_str).unwrap_or_default();
    let store = &app.services.store;
    let found = store.resource_page(&filter, after, limit).await.map_err(AdminError::from)?;
    let last = found.last().filter(|_| found.len() == limit as usize);
    let next_cursor = last.map(|last| last.resource.to_string());
    let data = found.into_iter().map(ResourceJson::from).collect();
    Ok(ok(Page { data, next_cursor }))
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
