//! `/v1/clients/{id}/secrets`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::admin::{ObjectKind, Principal, client, secret};
use crate::app::App;
use crate::model::secret::SecretId;
use crate::model::time::{Lifetime, Timestamp};
use crate::web::management::Problem;
use crate::web::management::client_document::SecretInput;
use crate::web::management::client_json::SecretJson;
use crate::web::management::clients::{client_id, shown};
use crate::web::management::json::{Input, Output, Page, at, created, ok};

/// A secret, which is shown this once.
#[derive(Serialize)]
pub(super) struct CreatedSecret {
    #[serde(flatten)]
    secret: SecretJson,
    /// Absent after a dry run, which makes no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// When the other secrets of the client end, if a rotation ends any.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secrets_expire_at: Option<Timestamp>,
}

/// A rotation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RotationInput {
    /// How long the old secrets stay valid, such as `24h`; `0s` ends them at once.
    overlap: String,
    #[serde(default)]
    secret: SecretInput,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Output<Page<SecretJson>>, Problem> {
    let found = client::show(&app.services.store, &client_id(&id)?).await?;
    let data = found.secrets.into_iter().map(SecretJson::from).collect();
    Ok(ok(Page { data, next_cursor: None }))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Input(input): Input<SecretInput>,
) -> Result<Output<CreatedSecret>, Problem> {
    let (id, new) = (client_id(&id)?, input.new_secret("")?);
    let (record, plain) = secret::add(&app.services, &principal, &id, &new).await?;
    Ok(created(CreatedSecret {
        secret: record.into(),
        client_secret: shown(&plain),
        old_secrets_expire_at: None,
    }))
}

pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Input(input): Input<RotationInput>,
) -> Result<Output<CreatedSecret>, Problem> {
    let overlap = match input.overlap.as_str() {
        "0" | "0s" => None,
        text => Some(at("/overlap", Lifetime::parse(text))?),
    };
    let (id, new) = (client_id(&id)?, input.secret.new_secret("/secret")?);
    let (record, plain, old_secrets_expire_at) =
        secret::rotate(&app.services, &principal, &id, &new, overlap).await?;
    Ok(created(CreatedSecret {
        secret: record.into(),
        client_secret: shown(&plain),
        old_secrets_expire_at,
    }))
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
