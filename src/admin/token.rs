//! Tokens as operators see them: verified with the stored keys, and issued in the name of a client.

use serde_json::json;

use crate::admin::{AdminError, Principal, client_within_rights};
use crate::config::Config;
use crate::jose::jwt::{self, AccessTokenClaims, TokenError, Verified};
use crate::keys::keyring::Keyring;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::event::{Action, EventSubject};
use crate::model::resource::{ResourceId, TokenTyp};
use crate::model::scope::Scopes;
use crate::model::time::Timestamp;
use crate::model::token::{TokenId, TokenUse};
use crate::services::Services;
use crate::store::Store;
use crate::store::reader::Reader;

/// Why a token is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// The form, the signature, a claim or a time is wrong.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The token was revoked.
    #[error("it has been revoked")]
    Revoked,
    /// All tokens of the client were revoked after this one was issued.
    #[error("all tokens of {client_id} issued until {until} have been revoked")]
    ClientRevoked {
        /// The client.
        client_id: ClientId,
        /// The time of the revocation.
        until: Timestamp,
    },
}

impl InvalidToken {
    /// Returns the reason as a stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => match error {
                TokenError::NotAToken => "not_a_token",
                TokenError::NotAnAccessToken => "not_an_access_token",
                TokenError::UnknownKey(_) => "unknown_key",
                TokenError::UnreadableKeySet(_) => "unreadable_key_set",
                TokenError::WrongAlgorithm => "wrong_algorithm",
                TokenError::WrongSignature => "wrong_signature",
                TokenError::WrongClaims(_) => "wrong_claims",
                TokenError::WrongIssuer(_) => "wrong_issuer",
                TokenError::Expired(_) => "expired",
                TokenError::FromTheFuture(_) => "from_the_future",
            },
            Self::Revoked => "revoked",
            Self::ClientRevoked { .. } => "client_revoked",
        }
    }
}

/// A token whose signature and times have been verified.
#[derive(Debug)]
pub struct VerifiedToken {
    /// The claims, and the key that signed them.
    pub token: Verified,
    /// False if the issuer is unknown: it is not configured, and no server has started yet.
    pub is_issuer_checked: bool,
}

/// Verifies form, signature, issuer and times of a token with the published keys. It does not check
/// for revocation.
///
/// # Errors
/// [`AdminError::TokenInvalid`], or an error of the database.
pub async fn verify_signature(
    store: &Store,
    config: &Config,
    now: Timestamp,
    token: &str,
) -> Result<VerifiedToken, AdminError> {
    let keyring = Keyring::public(store.signing_keys().await?, config.keep_seconds());
    let issuer = match &config.issuer {
        Some(issuer) => Some(issuer.as_str().to_owned()),
        None => store.server_issuer().await?,
    };
    // Tokens for a resource that cannot be read must have the default `typ`.
    let resources = store.stored_resources().await?.readable;
    let admits = |audience: &str, typ: TokenTyp| {
        let mut own = resources.iter().filter(|known| known.resource.as_str() == audience);
        typ == TokenTyp::AtJwt || own.any(|resource| resource.admits(typ))
    };
    let keys = keyring.published(now);
    let token = jwt::verify_typed(token, keys, issuer.as_deref(), now, admits);
    let token = token.map_err(InvalidToken::from)?;
    Ok(VerifiedToken { token, is_issuer_checked: issuer.is_some() })
}

/// Like [`verify_signature`], but also rejects a token that was revoked, alone or with all tokens
/// of its client.
///
/// # Errors
/// [`AdminError::TokenInvalid`], or an error of the database.
pub async fn verify(
    store: &Store,
    config: &Config,
    now: Timestamp,
    token: &str,
) -> Result<VerifiedToken, AdminError> {
    let verified = verify_signature(store, config, now, token).await?;
    reject_revoked(store, &verified.token.claims).await?;
    Ok(verified)
}

async fn reject_revoked(store: &Store, claims: &AccessTokenClaims) -> Result<(), AdminError> {
    let jti = TokenId::parse(&claims.jti).map_err(AdminError::malformed("jti"))?;
    if store.revoked_token(&jti).await?.is_some() {
        return Err(InvalidToken::Revoked.into());
    }
    let client_id =
        ClientId::parse(&claims.client_id).map_err(AdminError::malformed("client_id"))?;
    let revoked = store.revoked_client(&client_id).await?;
    let (evt, issued_at) = (claims.evt.unwrap_or(0), Timestamp(claims.iat));
    match revoked.filter(|revoked| revoked.epoch.is_after(evt, issued_at)) {
        Some(revoked) => {
            Err(InvalidToken::ClientRevoked { client_id, until: revoked.revoked_until }.into())
        }
        None => Ok(()),
    }
}

/// Rejects a caller that may not act as a client, before the response reveals anything about the
/// client.
///
/// # Errors
/// Not found, [`AdminError::MorePowerful`], or an error of the database.
pub async fn require_rights(
    reader: Reader<'_>,
    principal: &Principal,
    client: &ClientId,
) -> Result<(), AdminError> {
    if !principal.is_operator() {
        client_within_rights(reader, principal, client).await?;
    }
    Ok(())
}

/// Records that a token is issued in the name of a client, **before** the token is handed over. The
/// caller acts as the client with the token, so it must hold all rights of the client. The API
/// issues no tokens for this server itself.
///
/// # Errors
/// [`AdminError::ScopeMissing`], [`AdminError::MorePowerful`], [`AdminError::TokenForServer`], or
/// an error of the database.
pub async fn note_issue(
    services: &Services,
    principal: &Principal,
    client: &ClientId,
    resource: &ResourceId,
    scope: &Scopes,
    token_use: TokenUse,
) -> Result<(), AdminError> {
    principal.require(AdminScope::TokensIssue)?;
    if resource.is_built_in() && !principal.is_operator() {
        return Err(AdminError::TokenForServer);
    }
    let mut change = principal.begin(services).await?;
    require_rights(change.read(), principal, client).await?;
    let mut detail = json!({ "resource": resource, "scope": scope });
    if token_use == TokenUse::Test {
        detail["test"] = json!(true);
    }
    change
        .record(Action::TokenIssuedByOperator, EventSubject::Client(client.clone()), detail)
        .await?;
    change.commit().await?;
    Ok(())
}
