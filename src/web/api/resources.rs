//! `/v1/resources`: the APIs that tokens are issued for.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::admin::client::list::MAX_SEARCH_CHARS;
use crate::admin::resource::{self, Put};
use crate::admin::revision::{Precondition, Revision};
use crate::admin::{AdminError, Principal};
use crate::app::App;
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId};
use crate::store::resources::{ResourceFilter, ResourcePage};
use crate::web::api::Problem;
use crate::web::api::conditions::{IfMatch, Tagged, if_visible, tagged};
use crate::web::api::facts_json::query_labels;
use crate::web::api::grants::resource_id;
use crate::web::api::json::{
    Input, Output, Parameters, created, ok, page_size, parsed_parameter, text_parameter,
};
use crate::web::api::member::Omitted;
use crate::web::api::page::Page;
use crate::web::api::read_only::ReadOnlyMembers;
use crate::web::api::resource_json::{ResourceDocument, ResourceJson};

/// The default number of resources per page.
const PAGE_SIZE: u32 = 50;

/// Which resources a list holds, in alphabetical order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// The maximum number of objects on a page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Only resources of this owner.
    #[param(value_type = Option<Owner>, inline)]
    owner: Option<String>,
    /// Labels such as `team=payments`, separated by commas.
    label: Option<String>,
    /// A part of the identifier. ASCII letters match in either case.
    #[param(min_length = 1, max_length = 100)]
    q: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
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
    let ResourcePage { found, next } =
        resource::page(store, &principal, filter, after, limit).await?;
    let data = found.readable.into_iter().map(ResourceJson::from).collect();
    let unreadable = found.unreadable.into_iter().map(|it| (it.resource, it.problem)).collect();
    Ok(ok(Page::new(data, next).with_unreadable(unreadable)))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Tagged<ResourceJson>, Problem> {
    let found = resource::show(&app.services.store, &principal, &resource_id(&id)?).await?;
    answer(&app, found).await
}

async fn answer(app: &App, found: Resource) -> Result<Tagged<ResourceJson>, Problem> {
    let revision = Revision::of_resource(&found);
    Ok(tagged(&revision, ok(ResourceJson::read(&app.services, found).await?)))
}

fn made(resource: Resource) -> Tagged<ResourceJson> {
    tagged(&Revision::of_resource(&resource), created(resource.into()))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Input(document): Input<ResourceDocument>,
) -> Result<Tagged<ResourceJson>, Problem> {
    Ok(made(resource::create(&app.services, &principal, document.new_resource()?).await?))
}

pub(super) async fn put(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    if_match: IfMatch,
    Input(mut document): Input<ResourceDocument>,
) -> Result<Tagged<ResourceJson>, Problem> {
    let id = ResourceId::parse(&id).map_err(|problem| Problem::wrong_id("resource", &problem))?;
    let read_only = document.take_read_only();
    let mut members = document.update(&id, Omitted::HasDefault)?;
    members.precondition = if_match.for_replacement();
    let is_conditional = members.precondition != Precondition::Unchanged;
    // A failed precondition is reported before a wrong read-only member.
    let present = if_visible(resource::show(&app.services.store, &principal, &id).await)?;
    match present {
        None => read_only.check(&Value::Null)?,
        Some(found) if is_conditional => {
            if members.precondition.check(&Revision::of_resource(&found)).is_ok() {
                check_read_only(&read_only, found)?;
            }
        }
        Some(_) => {}
    }
    match resource::put(&app.services, &principal, &id, members).await? {
        Put::Created(resource) => Ok(made(resource)),
        Put::Existing(changed) => {
            if !is_conditional {
                check_read_only(&read_only, changed.value.clone())?;
            }
            answer(&app, changed.value).await
        }
    }
}

fn check_read_only(members: &ReadOnlyMembers, found: Resource) -> Result<(), Problem> {
    let present = serde_json::to_value(ResourceJson::from(found));
    members.check(&present.map_err(|error| Problem::internal(&error.to_string()))?)
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    IfMatch(precondition): IfMatch,
    Input(mut patch): Input<ResourceDocument>,
) -> Result<Tagged<ResourceJson>, Problem> {
    let (id, read_only) = (resource_id(&id)?, patch.take_read_only());
    let mut update = patch.update(&id, Omitted::Stays)?;
    update.precondition = precondition;
    let pointer = if update.add.is_empty() { "/scopes" } else { "/add_scopes" };
    if !read_only.is_empty() {
        check_read_only(&read_only, resource::show(&app.services.store, &principal, &id).await?)?;
    }
    let changed = resource::update(&app.services, &principal, &id, update).await;
    let changed = changed.map_err(|error| match error {
        AdminError::Invalid { field: "scope", .. } => Problem::from(error).at(pointer.to_owned()),
        error => error.into(),
    })?;
    answer(&app, changed.value).await
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    IfMatch(precondition): IfMatch,
) -> Result<StatusCode, Problem> {
    resource::delete_if(&app.services, &principal, &resource_id(&id)?, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}
