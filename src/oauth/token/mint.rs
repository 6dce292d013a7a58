//! The token itself: a JWT of RFC 9068.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::app::App;
use crate::crypto::random;
use crate::jose::jwt::Confirmation;
use crate::keys::keyring::{Keyring, SigningKey};
use crate::model::resource::{Resource, SignedBefore};
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::OAuthError;
use crate::oauth::token::authorization::Granted;
use crate::oauth::token::sender_constraint::Binding;

/// The length of ordinary claims; longer ones make their buffer grow.
const TOKEN_CAPACITY: usize = 512;

/// How often a request looks whether this instance has published a revocation that it is loading.
const PUBLICATION_POLL: Duration = Duration::from_millis(10);

/// How often at most: two seconds in all.
const PUBLICATION_POLLS: u32 = 200;

/// The answer to a token request (RFC 6749, section 5.1).
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    /// The token.
    pub access_token: String,
    /// How it is used: `Bearer` or `DPoP`.
    pub token_type: &'static str,
    /// How many seconds it lives, from now.
    pub expires_in: i64,
    /// What it may do; left out if that is nothing in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// The claims of RFC 9068, section 2.2, in the order in which they are written.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    iat: i64,
    exp: i64,
    jti: &'a str,
    evt: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<&'a Confirmation>,
}

/// The time of a token, in the two measures that a revocation compares.
#[derive(Debug, Clone, Copy)]
pub struct IssueTime {
    /// The claim `iat`. It is read once, so `exp` − `iat` is exactly what `expires_in` says.
    pub now: Timestamp,
    /// The claim `evt`: the sequence of the last event that was in memory when the client was
    /// looked up.
    evt: i64,
}

/// Makes a token of what has been granted.
pub fn mint(
    app: &App,
    client: &AuthenticatedClient,
    granted: &Granted,
    binding: &Binding,
    issued: IssueTime,
) -> Result<TokenResponse, OAuthError> {
    let IssueTime { now, evt } = issued;
    let resource = granted.resource();
    let expiry = now.plus(granted.lifetime());
    let scope = Some(granted.scope_text()).filter(|scope| !scope.is_empty());
    let id = client.id().as_str();
    let jti = random::public_bytes::<16>()
        .map_err(|error| OAuthError::server_error(error.to_string()))?;
    let claims = Claims {
        iss: app.issuer.as_str(),
        sub: id,
        aud: resource.resource.as_str(),
        client_id: id,
        scope: scope.as_deref(),
        iat: now.0,
        exp: expiry.0,
        jti: &BASE64_URL_SAFE_NO_PAD.encode(jti),
        evt,
        cnf: binding.confirmation(),
    };
    let mut text = Vec::with_capacity(TOKEN_CAPACITY);
    serde_json::to_writer(&mut text, &claims)
        .map_err(|error| OAuthError::server_error(error.to_string()))?;
    let keyring = app.directory.keyring();
    let default = app.services.config.token.algorithm;
    let key = own_key(&keyring, resource, now)
        .or_else(|| keyring.signing(default, now))
        .or_else(|| keyring.signing_any(now))
        .ok_or_else(|| OAuthError::unavailable("there is no signing key"))?;
    let access_token = key
        .sign_typed(resource.token_typ, &text)
        .map_err(|error| OAuthError::server_error(error.to_string()))?;
    let token_type = token_type(binding.confirmation());
    Ok(TokenResponse { access_token, token_type, expires_in: expiry.0 - now.0, scope })
}

/// The key of a resource's own algorithm, from the moment it signs; until then the one before.
fn own_key<'a>(
    keyring: &'a Keyring,
    resource: &Resource,
    now: Timestamp,
) -> Option<&'a Arc<SigningKey>> {
    let own = resource.signing_algorithm?;
    keyring.signing(own, now).or_else(|| match resource.signed_before {
        SignedBefore::Never => keyring.signing_early(own, now),
        SignedBefore::Server => None,
        SignedBefore::Own(before) => keyring.signing_early(before, now),
    })
}

/// How a token is used (RFC 6749, section 7.1; RFC 9449, section 5).
pub(in crate::oauth) fn token_type(confirmation: Option<&Confirmation>) -> &'static str {
    match confirmation {
        Some(Confirmation::Key(_)) => "DPoP",
        Some(Confirmation::Certificate(_)) | None => "Bearer",
    }
}

/// The time of a token. This is the one look at the clock for it.
///
/// A revocation that is newer than the client's number is either not in memory yet: then the token
/// carries the smaller number and is revoked with the others. Or it is in memory and about to be
/// published: then this waits some milliseconds for the new number. The client may use that one if
/// the directory still holds the client that was authenticated.
///
/// # Errors
/// 503 if the client has been changed meanwhile, if the number does not come within two seconds, or
/// if the clock of this instance is so far behind that the token would be revoked at once.
pub async fn issue_time(app: &App, client: &AuthenticatedClient) -> Result<IssueTime, OAuthError> {
    let mut issued = IssueTime { now: app.services.clock.now(), evt: client.evt() };
    let id = client.id().as_str();
    for _ in 0..PUBLICATION_POLLS {
        match app.directory.revocations.epoch(id) {
            Some(epoch) if issued.evt < epoch.evt => {}
            Some(epoch) if epoch.is_after(issued.evt, issued.now) => {
                return Err(OAuthError::unavailable(
                    "the clock of this instance is more than 60 s behind the time at which the tokens of the client were revoked",
                ));
            }
            _ => return Ok(issued),
        }
        tokio::time::sleep(PUBLICATION_POLL).await;
        issued =
            IssueTime { now: app.services.clock.now(), evt: app.directory.published_sequence() };
        if !client.is_current(app) {
            return Err(OAuthError::unavailable("the client has just been changed"));
        }
    }
    Err(OAuthError::unavailable("a revocation of the client's tokens is still being loaded"))
}
