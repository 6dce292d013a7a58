//! The list of what has been revoked, for APIs that check tokens offline: a small JWT, signed with
//! the key that signs tokens.
//!
//! A token has ended if `tokens` has its `jti`, or if `clients` has its `client_id` with a moment
//! that its `iat` does not lie after.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::app::App;
use crate::crypto::keyring::Document;
use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::model::token::TokenId;
use crate::oauth::error::OAuthError;

/// The type of the JWT, so that it is never taken for a token (RFC 8725, section 3.11).
const TYPE: &str = "revocations+jwt";

/// For so many seconds a list may be relied on.
const GOOD_FOR: i64 = 600;

/// The claims of the list.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    /// Until when all tokens of a client have been revoked.
    clients: BTreeMap<ClientId, i64>,
    /// When each revoked token would have expired.
    tokens: BTreeMap<TokenId, i64>,
}

/// The current list; signed anew only after a change or a minute.
pub fn revocation_list(app: &App) -> Result<Document, OAuthError> {
    let now = app.foundation.clock.now();
    app.directory.revocations.list(now, || sign(app, now))
}

fn sign(app: &App, now: Timestamp) -> Result<Document, OAuthError> {
    let revocations = &app.directory.revocations;
    let clients = revocations.clients().into_iter().map(|(id, until)| (id, until.0));
    let tokens = revocations.tokens().into_iter();
    let tokens = tokens.filter(|(_, expires_at)| *expires_at > now);
    let tokens = tokens.map(|(jti, expires_at)| (jti, expires_at.0));
    let claims = Claims {
        iss: app.issuer.as_str(),
        iat: now.0,
        exp: now.plus_seconds(GOOD_FOR).0,
        clients: clients.collect(),
        tokens: tokens.collect(),
    };
    let failed = |error: String| OAuthError::server_error(error);
    let text = serde_json::to_vec(&claims).map_err(|error| failed(error.to_string()))?;
    let keyring = app.directory.keyring();
    let key = keyring
        .signing(app.foundation.config.token.algorithm, now)
        .or_else(|| keyring.signing_any(now))
        .ok_or_else(|| OAuthError::unavailable("there is no signing key"))?;
    let jwt = key.sign_as(TYPE, &text).map_err(|error| failed(error.to_string()))?;
    Ok(Document::of_text(jwt))
}
