//! `/v1/clients/{id}/grants`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::claims::ClaimsChange;
use crate::admin::grant::{self, GrantChange, ScopeChange};
use crate::admin::{EndedCredentials, ObjectKind, Principal, client};
use crate::app::App;
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::resource::ResourceId;
use crate::web::management::Problem;
use crate::web::management::clients::client_id;
use crate::web::management::grant_json::{GrantInput, GrantJson};
use crate::web::management::json::{Input, Output, Page, ok};

/// A grant after a change, with what ended by it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangedGrant)]
pub(super) struct ChangedGrantJson {
    #[serde(flatten)]
    grant: GrantJson,
    /// The credentials that callers with fewer rights had made.
    #[serde(skip_serializing_if = "EndedCredentials::is_empty")]
    ended_credentials: EndedCredentials,
}

/// The resource in a path.
pub(super) fn resource_id(text: &str) -> Result<ResourceId, Problem> {
    ResourceId::parse(text).map_err(|_| Problem::absent(ObjectKind::Resource, text))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Output<Page<GrantJson>>, Problem> {
    let found = client::show(&app.services.store, &principal, &client_id(&id)?).await?;
    let data = found.grants.into_iter().map(GrantJson::from).collect();
    Ok(ok(Page { data, next_cursor: None }))
}

pub(super) async fn put(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path((id, resource)): Path<(String, String)>,
    Input(body): Input<GrantInput>,
) -> Result<Output<ChangedGrantJson>, Problem> {
    let Grant { resource, scopes, networks, claims } = body.grant_to(resource_id(&resource)?)?;
    let change = GrantChange {
        resource,
        scopes: match scopes {
            GrantedScopes::All => ScopeChange::All,
            GrantedScopes::Only(scopes) => ScopeChange::Only(scopes),
        },
        networks: Some(networks),
        claims: Some(ClaimsChange::Replace(claims)),
    };
    let changed = grant::change(&app.services, &principal, &client_id(&id)?, change).await?;
    let grant::ChangedGrant { is, ended_credentials, .. } = changed.value;
    Ok(ok(ChangedGrantJson { grant: is.into(), ended_credentials }))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path((id, resource)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (id, resource) = (client_id(&id)?, resource_id(&resource)?);
    grant::revoke(&app.services, &principal, &id, &resource).await?;
    Ok(StatusCode::NO_CONTENT)
}
