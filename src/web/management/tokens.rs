//! Revoking tokens: all of a client, or one.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};

use crate::admin::{Principal, revocation};
use crate::app::App;
use crate::model::time::Timestamp;
use crate::model::token::TokenId;
use crate::web::management::Problem;
use crate::web::management::clients::client_id;
use crate::web::management::json::{Input, Output, at, ok};

/// Which token.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenInput {
    jti: String,
    /// The claim `exp` of the token. Without it the token is remembered for as long as the longest
    /// token lives.
    expires_at: Option<String>,
}

/// A token that was revoked.
#[derive(Debug, Serialize)]
pub(super) struct RevokedTokenJson {
    jti: TokenId,
    /// When it is forgotten, because it has expired.
    expires_at: Timestamp,
}

/// Every token of a client that was issued before this event.
#[derive(Debug, Serialize)]
pub(super) struct RevokedTokensJson {
    revoked_until: Timestamp,
    /// Tokens with a smaller `evt` are revoked.
    evt: i64,
}

pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Input(input): Input<TokenInput>,
) -> Result<Output<RevokedTokenJson>, Problem> {
    let jti = at("/jti", TokenId::parse(&input.jti))?;
    let expires_at = input.expires_at.map(|text| at("/expires_at", Timestamp::parse(&text)));
    let expires_at = expires_at.transpose()?;
    let revoked = revocation::revoke_token(&app.services, &principal, &jti, expires_at).await?;
    Ok(ok(RevokedTokenJson { jti: revoked.jti, expires_at: revoked.expires_at }))
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
