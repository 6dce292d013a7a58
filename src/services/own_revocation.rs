//! Revocation of a token by its own client. The number for each client is limited.

use serde_json::json;

use crate::model::client::ClientId;
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::time::Timestamp;
use crate::model::token::RevokedToken;
use crate::services::Services;
use crate::services::audited_change::{Actor, AuditedChange};
use crate::store::StoreError;
use crate::store::revocations::live::LiveRevocations;

/// The maximum number of unexpired tokens that one client may have revoked itself.
pub const MAX_OWN_REVOCATIONS: u32 = 1_000;

/// Result of a revocation by a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnRevocation {
    /// The token is revoked.
    Done,
    /// The client has already reached [`MAX_OWN_REVOCATIONS`]. Nothing was changed.
    TooMany {
        /// The time at which the first of these tokens expires, so that one more is possible.
        until: Timestamp,
    },
}

/// Revokes a token on request of its own client. The count is read again in the transaction, which
/// serializes changes. The limit therefore applies to all instances together.
pub async fn revoke_own_token(
    services: &Services,
    id: &ClientId,
    token: &RevokedToken,
) -> Result<OwnRevocation, StoreError> {
    let is_full = |live: LiveRevocations| live.count >= MAX_OWN_REVOCATIONS;
    let (now, max) = (services.clock.now(), MAX_OWN_REVOCATIONS);
    // First without a transaction: a client that keeps asking must not delay the changes of others.
    let live = services.store.live_revocations(id, now, max).await?;
    if is_full(live) {
        return Ok(OwnRevocation::TooMany { until: live.first_end });
    }
    let mut change = AuditedChange::begin(services, &Actor::client(id)).await?;
    let live = change.transaction.live_revocations(id, change.now, max).await?;
    if is_full(live) {
        return Ok(OwnRevocation::TooMany { until: live.first_end });
    }
    if change.transaction.revoke_token(token).await? {
        let detail = json!({ "expires_at": token.expires_at });
        let owner = change.read().client_owner(id).await?;
        let owners = EventOwners { owner, other_owner: None };
        let subject = EventSubject::Token(token.jti.clone());
        change.record_with_owners(Action::TokenRevoked, subject, owners, detail).await?;
        change.commit().await?;
    }
    Ok(OwnRevocation::Done)
}
