//! The claims of the next token, without issuing it. The decision and the claims are those of
//! [`respond`](super::respond); nothing is signed, counted or stored.

use serde_json::Value;

use crate::config::TokenSettings;
use crate::crypto::random;
use crate::directory::Directory;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::OAuthError;
use crate::oauth::token::authorization::authorize;
use crate::oauth::token::issue_time::IssueTime;
use crate::oauth::token::mint;
use crate::oauth::token::request::RequestedAccess;

/// The claims that a token would have if the client requested it at `now`. A token that is bound to
/// a key or a certificate also has `cnf`, which is known only with the proof.
///
/// `None` if the client does not exist.
///
/// # Errors
/// The rejection that the client would get.
pub fn preview(
    directory: &Directory,
    settings: &TokenSettings,
    issuer: &str,
    id: &ClientId,
    requested: &RequestedAccess,
    now: Timestamp,
) -> Result<Option<Value>, OAuthError> {
    let Some(client) = AuthenticatedClient::vouched_for(directory, id)? else { return Ok(None) };
    let time = IssueTime { now, evt: client.evt() };
    let grant_type = client.first_grant_type();
    let granted = authorize(settings, client, &grant_type, requested)?;
    let failed = |error: String| OAuthError::server_error(error);
    let jti = random::public_bytes::<16>().map_err(|error| failed(error.to_string()))?;
    let scope = mint::scope(&granted);
    let json = mint::claims_json(issuer, &granted, scope.as_deref(), None, time, &jti)
        .map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&json).map(Some).map_err(|error| failed(error.to_string()))
}
