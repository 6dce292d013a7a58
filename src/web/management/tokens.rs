//! `/v1/clients/{id}/tokens`: revoking all tokens of a client.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde::Serialize;

use crate::admin::{Principal, revocation};
use crate::app::App;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::web::management::Problem;
use crate::web::management::clients::client_id;
use crate::web::management::json::{Output, ok};

/// Every token of a client that was issued before this event.
#[derive(Debug, Serialize)]
pub(super) struct RevokedTokensJson {
    client_id: ClientId,
    revoked_until: Timestamp,
    /// Tokens with a smaller `evt` are revoked.
    evt: i64,
}

pub(super) async fn revoke_all(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Output<RevokedTokensJson>, Problem> {
    let client_id = client_id(&id)?;
    let revoked = revocation::revoke_tokens(&app.services, &principal, &client_id).await?;
    let (revoked_until, evt) = (revoked.revoked_until, revoked.epoch.evt);
    Ok(ok(RevokedTokensJson { client_id, revoked_until, evt }))
}
