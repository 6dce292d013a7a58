//! Revocation of tokens before they expire.

use serde_json::json;

use crate::admin::{AdminError, AuditedChange, Principal, client_within_rights, token};
use crate::config::Config;
use crate::jose::jwt::AccessTokenClaims;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::time::{Lifetime, Timestamp};
use crate::model::token::{RevocationEpoch, RevokedClient, RevokedToken, TokenId};
use crate::services::Services;
use crate::store::StoreError;
use crate::store::reader::Reader;

/// The token to revoke.
#[derive(Debug)]
pub enum RevocationTarget {
    /// A presented token whose signature and times have been verified.
    Verified {
        /// The identifier of the token.
        jti: TokenId,
        /// The client that the token was issued to.
        client_id: ClientId,
        /// The time at which the token expires.
        expires_at: Timestamp,
    },
    /// An identifier and the client that the caller believes to own the token.
    OfClient {
        /// The identifier of the token.
        jti: TokenId,
        /// The client, as named by the caller.
        client_id: ClientId,
    },
    /// Only an identifier, which does not tell the client. Operators only.
    Id(TokenId),
}

impl RevocationTarget {
    /// Returns the target for a token with these verified claims.
    ///
    /// # Errors
    /// If `jti` or `client_id` does not have the format of this server.
    pub fn of_claims(claims: &AccessTokenClaims) -> Result<Self, AdminError> {
        Ok(Self::Verified {
            jti: TokenId::parse(&claims.jti).map_err(AdminError::malformed("jti"))?,
            client_id: ClientId::parse(&claims.client_id)
                .map_err(AdminError::malformed("client_id"))?,
            expires_at: Timestamp(claims.exp),
        })
    }
}

/// Revokes one token and returns the stored revocation. If the expiry has not been verified, the
/// revocation is kept for the longest lifetime of a token: a claimed expiry could end it too early.
/// A repetition succeeds without a second event.
///
/// # Errors
/// [`AdminError::ScopeMissing`], [`AdminError::MorePowerful`], a client that does not exist, or an
/// error of the database.
pub async fn revoke_token(
    services: &Services,
    principal: &Principal,
    target: RevocationTarget,
) -> Result<RevokedToken, AdminError> {
    principal.require(AdminScope::TokensRevoke)?;
    let mut is_own = false;
    let (jti, client, expires_at) = match target {
        RevocationTarget::Verified { jti, client_id, expires_at } => {
            // A client may revoke its own tokens regardless of its administrator rights (RFC 7009).
            is_own = principal.client_id() == Some(&client_id);
            (jti, Some(client_id), Some(expires_at))
        }
        RevocationTarget::OfClient { jti, client_id } => {
            // The claim that the token belongs to this client is not verified.
            principal.require_all_owners("a token that is named by its jti alone: to revoke it")?;
            (jti, Some(client_id), None)
        }
        RevocationTarget::Id(jti) if principal.is_operator() => (jti, None, None),
        RevocationTarget::Id(_) => {
            return Err(AdminError::invalid("client_id", "it is missing".to_owned()));
        }
    };
    let mut change = principal.begin(services).await?;
    let mut owners = EventOwners::default();
    if let Some(id) = &client {
        // An operator may also revoke a token of a deleted client.
        if !is_own {
            token::require_rights(change.read(), principal, id).await?;
        }
        owners.owner = change.read().client_owner(id).await?;
    }
    let expires_at = match expires_at {
        Some(expires_at) => expires_at,
        None => change.database_now.plus(longest_lifetime(&services.config, change.read()).await?),
    };
    // `None`: the revocation is not counted among those that the client itself made.
    let token = RevokedToken { jti, client_id: None, expires_at };
    if change.transaction.revoke_token(&token).await? {
        let detail = json!({ "expires_at": token.expires_at });
        let subject = EventSubject::Token(token.jti.clone());
        change.record_with_owners(Action::TokenRevoked, subject, owners, detail).await?;
        change.commit().await?;
    }
    Ok(token)
}

/// Revokes every token that a client has been issued until now. This takes one row, independent of
/// the number of tokens.
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

/// Revokes all tokens of a client as a part of a change, **whose next event must be about this
/// client**. An instance that has published the sequence of that event has the new state of the
/// client in memory. Every other instance gives its tokens a smaller `evt` (D24).
pub(super) async fn end_tokens(
    services: &Services,
    change: &mut AuditedChange,
    id: &ClientId,
) -> Result<RevokedClient, StoreError> {
    let longest = longest_lifetime(&services.config, change.read()).await?;
    let revoked = RevokedClient {
        client_id: id.clone(),
        epoch: RevocationEpoch::beginning(change.next_sequence(), change.database_now),
        revoked_until: change.database_now,
        expires_at: change.database_now.plus(longest).plus_seconds(1),
    };
    change.transaction.revoke_client(&revoked).await?;
    Ok(revoked)
}

/// Returns the longest lifetime that a token issued until now may have. The settings may have
/// changed since then, and issuing instances may have other settings.
pub(super) async fn longest_lifetime(
    config: &Config,
    mut reader: Reader<'_>,
) -> Result<Lifetime, StoreError> {
    let noted = reader.longest_lifetime().await?;
    let own = config.token.lifetime_max;
    Ok(noted.map_or(own, |noted| noted.max(own)))
}
