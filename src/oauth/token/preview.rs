//! Previews the claims of the next token without issuing it. The decision and the claims are those
//! of [`respond`](super::respond). Nothing is signed, counted or stored.

use serde_json::Value;

use crate::directory::{Directory, DirectoryError};
use crate::model::client::ClientId;
use crate::model::token::TokenUse;
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::OAuthError;
use crate::oauth::token::authorization::authorize;
use crate::oauth::token::issue_time::IssueTime;
use crate::oauth::token::mint;
use crate::oauth::token::request::RequestedAccess;
use crate::services::Services;
use crate::store::StoreError;

/// Reason why a preview failed.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The client does not exist.
    #[error("client {0} does not exist")]
    NoClient(ClientId),
    /// The token request would be rejected, with this reason.
    #[error("{0}")]
    Rejected(String),
    /// The claims cannot be made, for this reason.
    #[error("the claims cannot be made: {0}")]
    Failed(String),
    /// The issuer is not known, and tokens name it.
    #[error("issuer: it is not set, and no server has started on this database yet")]
    IssuerMissing,
    /// The client cannot be loaded.
    #[error(transparent)]
    Load(#[from] DirectoryError),
}

impl From<StoreError> for PreviewError {
    fn from(error: StoreError) -> Self {
        Self::Load(error.into())
    }
}

impl From<OAuthError> for PreviewError {
    fn from(rejection: OAuthError) -> Self {
        Self::Rejected(rejection.reason().to_owned())
    }
}

/// Returns the exact claims of the next token of a client for this request. `jti`, `iat` and `exp`
/// are those of a token issued now. A token that is bound to a key or a certificate also has `cnf`,
/// which is known only with the proof.
///
/// Loads only this client, however many exist. **Only for operators**, who could give the client a
/// new secret as well.
///
/// # Errors
/// A [`PreviewError`].
pub async fn preview(
    services: &Services,
    id: &ClientId,
    requested: &RequestedAccess,
) -> Result<Value, PreviewError> {
    let Services { config, store, clock, .. } = services;
    let issuer = match &config.issuer {
        Some(issuer) => issuer.as_str().to_owned(),
        None => store.server_issuer().await?.ok_or(PreviewError::IssuerMissing)?,
    };
    let directory = Directory::load_client_only(store, id, clock).await?;
    let client = AuthenticatedClient::for_operator(&directory, id)?;
    let client = client.ok_or_else(|| PreviewError::NoClient(id.clone()))?;
    let time = IssueTime { now: clock.now(), evt: client.evt() };
    let grant_type = client.first_grant_type();
    let granted = authorize(config, client, &grant_type, requested, TokenUse::Access)?;
    let failed = PreviewError::Failed;
    let jti = mint::new_jti().map_err(|error| failed(error.to_string()))?;
    let scope = mint::scope(&granted);
    let json = mint::claims_json(&issuer, &granted, scope.as_deref(), None, time, &jti)
        .map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| failed(error.to_string()))
}
