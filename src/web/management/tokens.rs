//! The tokens of a client: what the next one would hold, and revoking all of them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::admin::{AdminError, ObjectKind, Principal, revocation};
use crate::app::App;
use crate::directory::DirectoryError;
use crate::model::time::Timestamp;
use crate::oauth::token::preview::{self, PreviewError};
use crate::oauth::token::request::RequestedAccess;
use crate::web::management::Problem;
use crate::web::management::clients::client_id;
use crate::web::management::json::{Input, Output, ok};

/// Every token of a client that was issued before this event.
#[derive(Debug, Serialize)]
pub(super) struct RevokedTokensJson {
    revoked_until: Timestamp,
    /// Tokens with a smaller `evt` are revoked.
    evt: i64,
}

pub(super) async fn revoke_all(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Output<RevokedTokensJson>, Problem> {
    let revoked = revocation::revoke_tokens(&app.services, &principal, &client_id(&id)?).await?;
    let (revoked_until, evt) = (revoked.revoked_until, revoked.epoch.evt);
    Ok(ok(RevokedTokensJson { revoked_until, evt }))
}

/// What a token request would ask for (RFC 8707, section 2; RFC 6749, section 4.4.2).
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PreviewInput {
    /// May be absent if only one is possible.
    resource: Option<String>,
    /// Separated by spaces; every granted scope if absent.
    scope: Option<String>,
}

/// The claims that the next token of a client would have. Nothing is signed, counted or stored.
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Input(input): Input<PreviewInput>,
) -> Result<Output<Value>, Problem> {
    let requested =
        RequestedAccess { resources: input.resource.into_iter().collect(), scope: input.scope };
    let previewed = preview::preview(&app.services, &client_id(&id)?, &requested).await;
    Ok(ok(previewed.map_err(|error| match error {
        PreviewError::NoClient(id) => AdminError::not_found(ObjectKind::Client, id).into(),
        PreviewError::Refused(reason) => AdminError::TokenRefused(reason).into(),
        PreviewError::IssuerMissing => AdminError::IssuerMissing.into(),
        PreviewError::Load(DirectoryError::Store(error)) => AdminError::from(error).into(),
        PreviewError::Load(error) => Problem::internal(&error.to_string()),
    })?))
}
