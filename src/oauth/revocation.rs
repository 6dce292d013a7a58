//! Revokes a token on request of its client (RFC 7009).

use crate::app::App;
use crate::model::client::ClientId;
use crate::model::reason_code::ReasonCode;
use crate::model::remedy::OperatorAction;
use crate::model::time::Timestamp;
use crate::model::token::{RevokedToken, TokenId};
use crate::oauth::client_authentication::{self, AuthenticatedClient, AuthenticationPurpose};
use crate::oauth::error::OAuthError;
use crate::oauth::rate;
use crate::oauth::token_query::TokenQuery;
use crate::oauth::token_validation;
use crate::services::own_revocation::{self, MAX_OWN_REVOCATIONS, OwnRevocation};

/// Answers a revocation request and returns the authenticated client. A token that is invalid or
/// belongs to another client is not changed, and the caller is not told (RFC 7009, section 2.2;
/// C-121). On return, the token is revoked on this instance, and soon on all others.
pub async fn revoke(app: &App, query: &TokenQuery) -> Result<AuthenticatedClient, OAuthError> {
    let purpose = AuthenticationPurpose::Other;
    let client = client_authentication::authenticate(app, &query.caller, purpose).await?;
    let now = app.services.clock.now();
    let Some(claims) = token_validation::validate_access_token(app, &query.token, now)
        .filter(|claims| claims.client_id == client.id().as_str())
    else {
        return Ok(client);
    };
    let rate = app.services.live.load().limits.revocations_per_client;
    client.entry().revocation_rate_counter.count(rate, now).map_err(|exceeded| {
        let advice = format!(
            "Ask your operator to revoke all tokens of the client at once, or try again in {} s.",
            exceeded.seconds
        );
        rate::over_rate(client.id(), "revocations", rate, exceeded, &advice)
            .because(ReasonCode::RevocationRate)
            .about(client.id().as_str())
            .with_remedy(OperatorAction::RevokeAllTokens)
    })?;
    let jti = TokenId::parse(&claims.jti).map_err(|error| OAuthError::server_error(error.0))?;
    let token = RevokedToken {
        jti,
        client_id: Some(client.id().clone()),
        expires_at: Timestamp(claims.exp),
    };
    match own_revocation::revoke_own_token(&app.services, client.id(), &token).await {
        Ok(OwnRevocation::Done) => {}
        Ok(OwnRevocation::TooMany { until }) => return Err(too_many(client.id(), now, until)),
        Err(error) => {
            return Err(OAuthError::unavailable(format!("cannot revoke a token: {error}"))
                .because(ReasonCode::DatabaseUnavailable));
        }
    }
    app.catch_up().await.map_err(|error| {
        OAuthError::unavailable(format!("cannot follow a revocation: {error}"))
            .because(ReasonCode::DatabaseUnavailable)
    })?;
    Ok(client)
}

/// Rejects a revocation beyond the maximum of a client. Each one stays in the list that every API
/// reads until the token expires. An operator can revoke all tokens of the client with a single
/// entry.
fn too_many(id: &ClientId, now: Timestamp, until: Timestamp) -> OAuthError {
    let seconds = u32::try_from(until.seconds_since(now)).unwrap_or(u32::MAX).max(1);
    OAuthError::too_many(
        format!(
            "Client {id} has revoked {MAX_OWN_REVOCATIONS} tokens that have not expired, which is the maximum. This token is not revoked. Ask your operator to revoke all tokens of the client at once, or try again in {seconds} s."
        ),
        seconds,
    )
    .because(ReasonCode::RevocationLimit)
    .about(id.as_str())
    .with_remedy(OperatorAction::RevokeAllTokens)
}
