//! `/v1/clients/{id}/secrets`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::secret::{self, MadeSecret};
use crate::admin::{ObjectKind, Principal, client, secret_life, secret_rotation};
use crate::app::App;
use crate::model::overlap::Overlap;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;
use crate::web::management::Problem;
use crate::web::management::client_document::SecretInput;
use crate::web::management::client_json::SecretJson;
use crate::web::management::clients::{client_id, shown};
use crate::web::management::json::{
    Input, Output, Page, Parameters, at, created, ok, page_size, wrong_parameter,
};

/// A secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedSecret {
    #[serde(flatten)]
    secret: SecretJson,
    /// The secret, which is in no other answer. Absent after a dry run or with `secret_digest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// When the other secrets of the client end, if a rotation ends any.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secrets_expire_at: Option<Timestamp>,
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

/// How many secrets a page has by default.
const PAGE_SIZE: u32 = 100;

/// Which secrets a list holds, oldest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// How many objects a page has.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
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
    secret_life::assess(&app.services, &mut found).await?;
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
    Ok(ok(Page { data: page.into_iter().map(SecretJson::from).collect(), next_cursor }))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Input(input): Input<SecretInput>,
) -> Result<Output<CreatedSecret>, Problem> {
    let (id, new) = (client_id(&id)?, input.new_secret("")?);
    let made = secret::add(&app.services, &principal, &id, &new).await?;
    Ok(answer(made))
}

pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Input(input): Input<RotationInput>,
) -> Result<Output<CreatedSecret>, Problem> {
    let overlap = at("/overlap", Overlap::parse(&input.overlap))?;
    let (id, new) = (client_id(&id)?, input.secret.new_secret("/secret")?);
    let made = secret_rotation::rotate(&app.services, &principal, &id, &new, overlap).await?;
    Ok(answer(made))
}

/// The answer that shows a new secret. Nothing is read for it that could fail: the secret exists
/// nowhere else.
fn answer(made: MadeSecret) -> Output<CreatedSecret> {
    let MadeSecret { record, plain, old_secrets_end } = made;
    created(CreatedSecret {
        secret: record.into(),
        client_secret: plain.as_ref().map(shown),
        old_secrets_expire_at: old_secrets_end,
    })
}

/// Ends a secret at once. Its record stays, so that its use can be read later.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path((id, secret_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let id = client_id(&id)?;
    let secret_id =
        SecretId::parse(&secret_id).map_err(|_| Problem::absent(ObjectKind::Secret, &secret_id))?;
    secret::expire(&app.services, &principal, &id, &secret_id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
