//! Revoking one token, and all tokens of a client.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::revocation::{self, RevocationTarget};
use crate::admin::{Principal, token};
use crate::app::App;
use crate::jose::jwt;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::model::token::TokenId;
use crate::web::api::Problem;
use crate::web::api::clients::client_id;
use crate::web::api::json::{Input, Output, at, ok};
use crate::web::bearer;

/// A token to revoke: its text, or its identifier and its client.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Revocation, examples(json!({ "client_id": "acme", "jti": "kq1sBz3vT0aXn9LrYc5uEw" })))]
pub(in crate::web::api) struct RevocationInput {
    /// The token, whose signature is verified.
    token: Option<String>,
    /// Its identifier, with `client_id`.
    #[schema(value_type = Option<TokenId>)]
    jti: Option<String>,
    /// Its client.
    #[schema(value_type = Option<ClientId>)]
    client_id: Option<String>,
}

/// A token that was revoked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RevokedToken)]
pub(in crate::web::api) struct RevokedTokenJson {
    /// Its identifier.
    jti: TokenId,
    /// When it leaves the list of revoked tokens.
    kept_until: Timestamp,
}

/// Every token of a client that was issued before this event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RevokedTokens)]
pub(in crate::web::api) struct RevokedTokensJson {
    /// The client.
    client_id: ClientId,
    /// Tokens that were issued until then are revoked.
    revoked_until: Timestamp,
    /// Tokens with a smaller `evt` are revoked.
    #[schema(examples(41))]
    evt: i64,
}

/// Revokes one token: on this instance before the response, on other instances shortly after.
pub(in crate::web::api) async fn revoke(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Input(input): Input<RevocationInput>,
) -> Result<Output<RevokedTokenJson>, Problem> {
    let target = match own_token(&principal, &headers, &input)? {
        Some(own) => own,
        None => target(&app, &principal, input).await?,
    };
    let revoked = revocation::revoke_token(&app.services, &principal, target).await?;
    app.catch_up().await?;
    Ok(ok(RevokedTokenJson { jti: revoked.jti, kept_until: revoked.expires_at }))
}

/// Returns the token that authenticates this request, if the body names it. Unlike a `jti` alone,
/// it proves the client and the expiry.
fn own_token(
    principal: &Principal,
    headers: &HeaderMap,
    input: &RevocationInput,
) -> Result<Option<RevocationTarget>, Problem> {
    let (None, Some(jti), Some(client_id), Some(own)) =
        (&input.token, &input.jti, &input.client_id, principal.client_id())
    else {
        return Ok(None);
    };
    let Ok((_, token)) = bearer::presented(headers) else { return Ok(None) };
    let Ok((_, claims)) = jwt::read_unchecked(token) else { return Ok(None) };
    let expires_at = claims["exp"].as_i64().map(Timestamp);
    match expires_at {
        Some(expires_at) if own.as_str() == client_id && claims["jti"] == jti.as_str() => {
            let jti = at("/jti", TokenId::parse(jti))?;
            Ok(Some(RevocationTarget::Verified { jti, client_id: own.clone(), expires_at }))
        }
        _ => Ok(None),
    }
}

async fn target(
    app: &App,
    principal: &Principal,
    input: RevocationInput,
) -> Result<RevocationTarget, Problem> {
    let RevocationInput { token, jti, client_id } = input;
    match (token, jti, client_id) {
        (Some(token), None, None) => {
            let services = &app.services;
            let now = services.clock.now();
            let (store, config) = (&services.store, &services.config);
            let verified = token::verify_signature(store, config, now, &token).await?;
            Ok(RevocationTarget::of_claims(&verified.token.claims)?)
        }
        (None, Some(jti), None) if principal.is_operator() => {
            Ok(RevocationTarget::Id(at("/jti", TokenId::parse(&jti))?))
        }
        (None, Some(jti), Some(client_id)) => Ok(RevocationTarget::OfClient {
            jti: at("/jti", TokenId::parse(&jti))?,
            client_id: at("/client_id", ClientId::parse(&client_id))?,
        }),
        _ => {
            let text = "either token, or jti and client_id, is expected";
            Err(Problem::member(String::new(), text))
        }
    }
}

pub(in crate::web::api) async fn revoke_all(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Output<RevokedTokensJson>, Problem> {
    let client_id = client_id(&id)?;
    let revoked = revocation::revoke_tokens(&app.services, &principal, &client_id).await?;
    app.catch_up().await?;
    let (revoked_until, evt) = (revoked.revoked_until, revoked.epoch.evt);
    Ok(ok(RevokedTokensJson { client_id, revoked_until, evt }))
}
