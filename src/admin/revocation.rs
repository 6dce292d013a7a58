//! Ending tokens before their time.

use serde_json::json;

use crate::admin::{AdminError, AuditedChange, Principal, client_within_rights};
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::event::{Action, EventSubject};
use crate::model::time::{Lifetime, Timestamp};
use crate::model::token::{RevocationEpoch, RevokedClient, RevokedToken, TokenId};
use crate::services::Services;
use crate::store::StoreError;
use crate::store::reader::Reader;

/// Ends one token. Without `expires_at` it is remembered for as long as the longest
/// token lives. Gives what is remembered; a repetition succeeds without a second event.
pub async fn revoke_token(
    services: &Services,
    principal: &Principal,
    jti: &TokenId,
    expires_at: Option<Timestamp>,
) -> Result<RevokedToken, AdminError> {
    principal.require(AdminScope::TokensRevoke)?;
    let expires_at = if let Some(expires_at) = expires_at {
        expires_at
    } else {
        let longest = longest_lifetime(services, services.store.read()).await?;
        services.clock.now().plus(longest)
    };
    let token = RevokedToken { jti: jti.clone(), client_id: None, expires_at };
    let mut change = principal.begin(services).await?;
    if change.transaction.revoke_token(&token).await? {
        let detail = json!({ "expires_at": token.expires_at });
        change.record(Action::TokenRevoked, EventSubject::Token(jti.clone()), detail).await?;
        change.commit().await?;
    }
    Ok(token)
}

/// Ends every token that a client has been issued until now: one row, however many there are.
pub async fn revoke_tokens(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
) -> Result<RevokedClient, AdminError> {
    principal.require(AdminScope::TokensRevoke)?;
    let mut change = principal.begin(services).await?;
    client_within_rights(change.read(), principal, id).await?;
    let revoked = end_tokens(services, &mut change, id).await?;
    let detail = json!({ "revoked_until": revoked.revoked_until, "epoch": revoked.epoch });
    change.record(Action::ClientTokensRevoked, EventSubject::Client(id.clone()), detail).await?;
    change.commit().await?;
    Ok(revoked)
}

/// Revokes all tokens of a client as a part of a change, **whose next event is about this client**:
/// an instance that has published the sequence of that event has the new state of the client in
/// memory, and one that has not gives its tokens a smaller `evt` (DESIGN D24).
pub(super) async fn end_tokens(
    services: &Services,
    change: &mut AuditedChange,
    id: &ClientId,
) -> Result<RevokedClient, StoreError> {
    let longest = longest_lifetime(services, change.read()).await?;
    let revoked = RevokedClient {
        client_id: id.clone(),
        epoch: RevocationEpoch::beginning(change.next_sequence(), change.database_now),
        revoked_until: change.database_now,
        expires_at: change.database_now.plus(longest).plus_seconds(1),
    };
    change.transaction.revoke_client(&revoked).await?;
    Ok(revoked)
}

/// How long a token may live that has been issued already. Settings may have been others then, and
/// may be others for the instances that issue.
async fn longest_lifetime(
    services: &Services,
    mut reader: Reader<'_>,
) -> Result<Lifetime, StoreError> {
    let noted = reader.longest_lifetime().await?;
    let own = services.config.token.lifetime_max;
    Ok(noted.map_or(own, |noted| noted.max(own)))
}
