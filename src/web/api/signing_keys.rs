//! `/v1/signing-keys`: the keys that sign tokens. Private keys are never shown.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::signing_key::change::{KeyChange, Start};
use crate::admin::signing_key::{self, ShownSigningKey};
use crate::admin::{Changed, ObjectKind, Principal};
use crate::app::App;
use crate::model::signing_key::{Algorithm, KeyId};
use crate::model::time::Lifetime;
use crate::web::api::Problem;
use crate::web::api::json::{self, Input, Output, at, ok, parsed};
use crate::web::api::page::Page;

/// A rotation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotationInput {
    /// The algorithm; the setting of the server if absent.
    algorithm: Option<String>,
    /// When the next key signs: 0 for at once, absent for as soon as every verifier knows it.
    start_in_seconds: Option<i64>,
}

/// A revocation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevocationInput {
    /// For the audit log.
    reason: Option<String>,
}

/// The result of a step.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeyChangeJson {
    /// False if the key was already in this state.
    changed: bool,
    #[serde(flatten)]
    change: KeyChange,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
) -> Result<Output<Page<ShownSigningKey>>, Problem> {
    let data = signing_key::list(&app.services).await?;
    let unreadable = signing_key::unreadable(&app.services).await?;
    Ok(ok(Page::new(data, None).with_unreadable(unreadable)))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(kid): Path<String>,
) -> Result<Output<ShownSigningKey>, Problem> {
    Ok(ok(signing_key::show(&app.services, &key_id(&kid)?).await?))
}

/// Makes the next key sign: on this instance before the response, on other instances shortly after.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Input(input): Input<RotationInput>,
) -> Result<Output<KeyChangeJson>, Problem> {
    let algorithm = parsed("/algorithm", input.algorithm, Algorithm::parse)?;
    let start = match input.start_in_seconds {
        None => Start::WhenKnown,
        Some(0) => Start::Now,
        Some(seconds) => Start::In(at("/start_in_seconds", Lifetime::from_seconds(seconds))?),
    };
    let changed =
        signing_key::change::rotate_now(&app.services, &principal, algorithm, start).await?;
    answer(&app, changed).await
}

pub(super) async fn retire(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(kid): Path<String>,
) -> Result<Output<KeyChangeJson>, Problem> {
    let changed = signing_key::change::retire(&app.services, &principal, &key_id(&kid)?).await?;
    answer(&app, changed).await
}

pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(kid): Path<String>,
    Input(input): Input<RevocationInput>,
) -> Result<Output<KeyChangeJson>, Problem> {
    let (kid, reason) = (key_id(&kid)?, json::reason(input.reason.as_deref())?);
    let changed = signing_key::change::revoke(&app.services, &principal, &kid, reason).await?;
    answer(&app, changed).await
}

async fn answer(app: &App, changed: Changed<KeyChange>) -> Result<Output<KeyChangeJson>, Problem> {
    app.catch_up().await?;
    Ok(ok(KeyChangeJson { changed: changed.is_changed, change: changed.value }))
}

fn key_id(text: &str) -> Result<KeyId, Problem> {
    KeyId::parse(text).map_err(|_| Problem::absent(ObjectKind::SigningKey, text))
}
