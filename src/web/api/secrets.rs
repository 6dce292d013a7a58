//! `/v1/clients/{id}/secrets`: the secrets of a client.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::secret::{self, MadeSecret};
use crate::admin::{AdminError, ObjectKind, Principal, client};
use crate::app::App;
use crate::model::client::ClientId;
use crate::model::overlap::Overlap;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;
use crate::web::api::client_document::SecretInput;
use crate::web::api::client_json::SecretJson;
use crate::web::api::clients::{client_id, expose_for_response};
use crate::web::api::json::{
    Input, Output, Parameters, at, created, lifetime, ok, page_size, wrong_parameter,
};
use crate::web::api::page::Page;
use crate::web::api::{Delivery, Problem, delivery};

/// A secret, which is shown only once.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedSecret {
    /// The client.
    client_id: ClientId,
    #[serde(flatten)]
    secret: SecretJson,
    /// The secret, which no other response has. Absent after a dry run or with `secret_digest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("tkd_…19RbFA"))]
    client_secret: Option<String>,
    /// When the other secrets of the client end, if a rotation ends any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    old_secrets_expire_at: Option<Timestamp>,
}

impl CreatedSecret {
    fn of(id: &ClientId, made: &MadeSecret) -> Self {
        Self {
            client_id: id.clone(),
            secret: made.record.clone().into(),
            client_secret: made.plain.as_ref().map(expose_for_response),
            old_secrets_expire_at: made.old_secrets_end,
        }
    }
}

/// A rotation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rotation, examples(json!({ "overlap": "24h", "secret": { "label": "2027" } })))]
pub(super) struct RotationInput {
    /// How long the old secrets stay valid: `24h`, `until_unused:6h,max:7d`, or `0s`, which ends
    /// them at once.
    #[schema(value_type = Overlap)]
    overlap: String,
    /// The new secret.
    #[serde(default)]
    secret: SecretInput,
}

/// The default number of secrets per page.
const PAGE_SIZE: u32 = 100;

/// Which secrets a list holds, oldest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// The maximum number of objects on a page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<Page<SecretJson>>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)? as usize;
    let mut found = client::show(&app.services.store, &principal, &client_id(&id)?).await?;
    secret::life::assess(&app.services, &mut found).await?;
    let secrets = found.secrets;
    let start = match &query.cursor {
        None => 0,
        Some(cursor) => {
            let last = secrets.iter().position(|secret| secret.secret_id.as_str() == cursor);
            1 + last.ok_or_else(|| wrong_parameter("cursor", "the client has no such secret"))?
        }
    };
    let has_more = secrets.len() > start + limit;
    let page: Vec<_> = secrets.into_iter().skip(start).take(limit).collect();
    let next_cursor = page.last().filter(|_| has_more).map(|last| last.secret_id.to_string());
    Ok(ok(Page::new(page.into_iter().map(SecretJson::from).collect(), next_cursor)))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    delivery: Option<Extension<Delivery>>,
    Input(input): Input<SecretInput>,
) -> Result<Output<CreatedSecret>, Problem> {
    let (id, new) = (client_id(&id)?, input.new_secret("")?);
    let pending = secret::prepare_addition(&app.services, &principal, &id, &new).await?;
    let answer = created(CreatedSecret::of(&id, pending.made()));
    delivery::commit(delivery, pending, answer).await
}

pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    delivery: Option<Extension<Delivery>>,
    Input(input): Input<RotationInput>,
) -> Result<Output<CreatedSecret>, Problem> {
    let overlap = at("/overlap", Overlap::parse(&input.overlap))?;
    let (id, new) = (client_id(&id)?, input.secret.new_secret("/secret")?);
    let pending = secret::rotation::prepare(&app.services, &principal, &id, &new, overlap).await;
    let pending = pending.map_err(problem_of_secret)?;
    let answer = created(CreatedSecret::of(&id, pending.made()));
    delivery::commit(delivery, pending, answer).await
}

/// Returns the problem of a body with the member `secret`.
pub(super) fn problem_of_secret(error: AdminError) -> Problem {
    match error {
        AdminError::Invalid { field: "label", .. } => {
            Problem::from(error).at("/secret/label".to_owned())
        }
        error => error.into(),
    }
}

/// A new end of a secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SecretEnd, examples(json!({ "expires_in_seconds": 3600 })))]
pub(super) struct EndInput {
    /// The maximum time that it stays valid; 0 ends it at once. An expiry is never extended.
    #[schema(minimum = 0)]
    expires_in_seconds: i64,
}

/// The end of a secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExpiredSecret {
    /// The client.
    client_id: ClientId,
    /// The secret.
    secret_id: SecretId,
    /// When it ends.
    expires_at: Timestamp,
    /// False if the secret already had this expiry or an earlier one.
    changed: bool,
}

/// Ends a secret immediately or after a delay.
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path((id, secret_id)): Path<(String, String)>,
    Input(input): Input<EndInput>,
) -> Result<Output<ExpiredSecret>, Problem> {
    let after = match input.expires_in_seconds {
        0 => None,
        seconds => lifetime("/expires_in_seconds", seconds)?,
    };
    let (client_id, secret_id) = (client_id(&id)?, known_form(&secret_id)?);
    let end = secret::expire(&app.services, &principal, &client_id, &secret_id, after).await?;
    let (expires_at, changed) = (end.value, end.is_changed);
    Ok(ok(ExpiredSecret { client_id, secret_id, expires_at, changed }))
}

fn known_form(text: &str) -> Result<SecretId, Problem> {
    SecretId::parse(text).map_err(|_| Problem::absent(ObjectKind::Secret, text))
}

/// Ends a secret immediately. The record is kept, so that its usage stays visible.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path((id, secret_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (id, secret_id) = (client_id(&id)?, known_form(&secret_id)?);
    secret::expire(&app.services, &principal, &id, &secret_id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
