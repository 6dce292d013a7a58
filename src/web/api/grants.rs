//! `/v1/clients/{id}/grants`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::admin::client::claims::ClaimsChange;
use crate::admin::grant::{self, ChangedGrant, GrantChange, ScopeChange};
use crate::admin::{EndedCredentials, ObjectKind, Principal, client, resource};
use crate::app::App;
use crate::model::client::ClientId;
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;
use crate::web::api::Problem;
use crate::web::api::clients::client_id;
use crate::web::api::conditions::if_visible;
use crate::web::api::grant_json::{GrantInput, GrantJson, claims_patch, networks, scopes};
use crate::web::api::json::{Input, Output, ok};
use crate::web::api::member::{Member, Omitted};
use crate::web::api::page::Page;

/// A grant after a change, with the credentials that the change ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangedGrant)]
pub(super) struct ChangedGrantJson {
    #[serde(flatten)]
    grant: GrantJson,
    /// The credentials that callers with fewer rights had made.
    #[serde(skip_serializing_if = "EndedCredentials::is_empty")]
    ended_credentials: EndedCredentials,
}

/// The changes to a grant; an absent member stays. A new grant without scopes has all scopes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "add_scopes": ["orders:write"], "claims": { "tenant": "acme" } })))]
pub(super) struct GrantPatch {
    /// Only these scopes; `null` for every scope that the resource offers.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ScopeName>>, min_items = 1)]
    scopes: Member<Vec<String>>,
    /// Scopes to add. Not together with `scopes`.
    #[serde(default)]
    #[schema(value_type = Vec<ScopeName>, required = false)]
    add_scopes: Vec<String>,
    /// Scopes to remove. Not together with `scopes`.
    #[serde(default)]
    #[schema(value_type = Vec<ScopeName>, required = false)]
    remove_scopes: Vec<String>,
    /// The networks from which the grant may be used; anywhere if empty or `null`.
    #[serde(default)]
    #[schema(value_type = Option<Networks>)]
    networks: Member<Vec<String>>,
    /// Claims by name; `null` removes one, and in place of the object all of them.
    #[serde(default)]
    #[schema(value_type = Option<StaticClaims>)]
    claims: Member<Box<RawValue>>,
}

/// A grant after a change, with what it was.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PatchedGrant)]
pub(super) struct PatchedGrantJson {
    /// The client.
    client_id: ClientId,
    #[serde(flatten)]
    grant: GrantJson,
    /// The grant before, as the audit log shows it; `null` if there was none.
    #[schema(value_type = Option<Object>, required = true)]
    was: Option<Value>,
    /// The grant now, in the same form.
    #[schema(value_type = Object)]
    is: Value,
    /// False if nothing differed.
    #[schema(examples(true))]
    changed: bool,
    /// The scopes that the resource offers; none of them if the caller may not see the resource.
    offered: Scopes,
    /// The credentials that callers with fewer rights had made.
    #[serde(skip_serializing_if = "EndedCredentials::is_empty")]
    ended_credentials: EndedCredentials,
}

impl GrantPatch {
    fn change(self, resource: ResourceId) -> Result<GrantChange, Problem> {
        let has_edits = !self.add_scopes.is_empty() || !self.remove_scopes.is_empty();
        let some = |pointer: &str, names: &[String]| match names {
            [] => Ok(Scopes::default()),
            names => scopes(pointer, names),
        };
        let scopes = match &self.scopes {
            Member::Null | Member::Value(_) if has_edits => {
                let text = "scopes replaces all scopes; leave out add_scopes and remove_scopes";
                return Err(Problem::member("/scopes".to_owned(), text));
            }
            Member::Null => ScopeChange::All,
            Member::Value(names) => ScopeChange::Only(scopes("/scopes", names)?),
            Member::Absent if !has_edits => ScopeChange::Keep,
            Member::Absent => ScopeChange::Edit {
                add: some("/add_scopes", &self.add_scopes)?,
                remove: some("/remove_scopes", &self.remove_scopes)?,
            },
        };
        let networks = self.networks.read(Omitted::Stays, |list| networks("/networks", &list))?;
        let claims = match &self.claims {
            Member::Absent => None,
            Member::Null => Some(ClaimsChange::Replace(StaticClaims::default())),
            Member::Value(raw) => Some(claims_patch(raw)?),
        };
        Ok(GrantChange { resource, scopes, networks, claims })
    }
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path((id, resource)): Path<(String, String)>,
    Input(patch): Input<GrantPatch>,
) -> Result<Output<PatchedGrantJson>, Problem> {
    let (client_id, change) = (client_id(&id)?, patch.change(resource_id(&resource)?)?);
    let changed = grant::change(&app.services, &principal, &client_id, change).await?;
    let ChangedGrant { was, is, offered, ended_credentials } = changed.value;
    let resource = resource::show(&app.services.store, &principal, &is.resource).await;
    let offered = if if_visible(resource)?.is_some() { offered } else { Scopes::default() };
    Ok(ok(PatchedGrantJson {
        client_id,
        was: was.map(|was| was.with_offered(&offered)),
        is: is.with_offered(&offered),
        changed: changed.is_changed,
        grant: is.into(),
        offered,
        ended_credentials,
    }))
}

/// Parses the resource in a path.
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
    Ok(ok(Page::new(data, None)))
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
    let ChangedGrant { is, ended_credentials, .. } = changed.value;
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
