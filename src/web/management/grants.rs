//! `/v1/clients/{id}/grants`.

#![expect(clippy::option_option, reason = "RFC 7396 tells null from an absent member")]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::admin::grant::{self, ChangedGrant, GrantChange, ScopeChange};
use crate::admin::{ObjectKind, Principal, client};
use crate::app::App;
use crate::model::client::ClientId;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::web::management::Problem;
use crate::web::management::client_json::claims_change;
use crate::web::management::clients::client_id;
use crate::web::management::grant_json::{GrantJson, networks, scopes};
use crate::web::management::json::{Input, Output, Page, ok, present};

/// A grant as a whole. `scopes` is `null` or absent for every scope that the resource offers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantBody {
    scopes: Option<Vec<String>>,
    #[serde(default)]
    networks: Vec<String>,
}

/// What should change about a grant; an absent member stays. A new grant without scopes has all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantPatch {
    /// These scopes alone; `null` for every scope that the resource offers.
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Option<Vec<String>>>,
    #[serde(default)]
    add_scopes: Vec<String>,
    #[serde(default)]
    remove_scopes: Vec<String>,
    networks: Option<Vec<String>>,
    /// Claims by name; `null` removes one.
    claims: Option<BTreeMap<String, Option<Value>>>,
}

/// A grant after a change, with what it was.
#[derive(Debug, Serialize)]
pub(super) struct ChangedGrantJson {
    client_id: ClientId,
    #[serde(flatten)]
    grant: GrantJson,
    /// `null` if there was no grant.
    was: Option<Value>,
    is: Value,
    changed: bool,
    /// The scopes that the resource offers.
    offered: Scopes,
}

impl GrantPatch {
    fn change(self, resource: ResourceId) -> Result<GrantChange, Problem> {
        let has_edits = !self.add_scopes.is_empty() || !self.remove_scopes.is_empty();
        let some = |pointer: &str, names: &[String]| match names {
            [] => Ok(Scopes::default()),
            names => scopes(pointer, names),
        };
        let scopes = match &self.scopes {
            Some(_) if has_edits => {
                let text = "scopes replaces all scopes; leave out add_scopes and remove_scopes";
                return Err(Problem::member("/scopes".to_owned(), text));
            }
            Some(None) => ScopeChange::All,
            Some(Some(names)) => ScopeChange::Only(scopes("/scopes", names)?),
            None if !has_edits => ScopeChange::Keep,
            None => ScopeChange::Edit {
                add: some("/add_scopes", &self.add_scopes)?,
                remove: some("/remove_scopes", &self.remove_scopes)?,
            },
        };
        let networks = self.networks.map(|list| networks("/networks", &list)).transpose()?;
        let claims = self.claims.map(claims_change).transpose()?;
        Ok(GrantChange { resource, scopes, networks, claims })
    }
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path((id, resource)): Path<(String, String)>,
    Input(patch): Input<GrantPatch>,
) -> Result<Output<ChangedGrantJson>, Problem> {
    let (client_id, change) = (client_id(&id)?, patch.change(resource_id(&resource)?)?);
    let changed = grant::change(&app.services, &principal, &client_id, change).await?;
    let ChangedGrant { was, is, offered } = changed.value;
    Ok(ok(ChangedGrantJson {
        client_id,
        was: was.map(|was| was.with_offered(&offered)),
        is: is.with_offered(&offered),
        changed: changed.is_changed,
        grant: is.into(),
        offered,
    }))
}

/// The resource in a path.
pub(super) fn resource_id(text: &str) -> Result<ResourceId, Problem> {
    ResourceId::parse(text).map_err(|_| Problem::absent(ObjectKind::Resource, text))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Output<Page<GrantJson>>, Problem> {
    let found = client::show(&app.services.store, &client_id(&id)?).await?;
    let data = found.grants.into_iter().map(GrantJson::from).collect();
    Ok(ok(Page { data, next_cursor: None }))
}

pub(super) async fn put(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path((id, resource)): Path<(String, String)>,
    Input(body): Input<GrantBody>,
) -> Result<Output<GrantJson>, Problem> {
    let change = GrantChange {
        resource: resource_id(&resource)?,
        scopes: match &body.scopes {
            None => ScopeChange::All,
            Some(names) => ScopeChange::Only(scopes("/scopes", names)?),
        },
        networks: Some(networks("/networks", &body.networks)?),
        claims: None,
    };
    let changed = grant::change(&app.services, &principal, &client_id(&id)?, change).await?;
    Ok(ok(changed.value.is.into()))
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
