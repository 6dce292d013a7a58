//! The revocation list, for APIs that validate tokens offline: a small JWT, signed with the key
//! that signs tokens.
//!
//! A token is revoked if `tokens` has its `jti`, or if `keys` has its `kid`. It is also revoked if
//! `epochs` has its `client_id` with an `evt` greater than its own, or an `iat_before` later than
//! its `iat`. Verifiers of version 1 of the list read `clients` instead, and remain as safe as
//! before.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::app::App;
use crate::keys::document::CachedDocument;
use crate::keys::keyring::Keyring;
use crate::model::client::ClientId;
use crate::model::reason_code::ReasonCode;
use crate::model::signing_key::KeyId;
use crate::model::time::Timestamp;
use crate::model::token::{RevocationEpoch, TokenId};
use crate::oauth::error::OAuthError;

/// The `typ` of the JWT, so that it is never accepted as a token (RFC 8725, section 3.11).
const TYPE: &str = "revocations+jwt";

/// The validity of a list.
const LIST_TTL_SECONDS: i64 = 600;

/// The time for which a revoked signing key is listed, in seconds. Verifiers may cache its public
/// key for long, and an attacker can sign tokens of any lifetime.
const KEY_LISTED_SECONDS: i64 = 366 * 86_400;

/// The version of the list. Version 2 added `epochs`.
const VERSION: u32 = 2;

/// The claims of the list.
#[derive(Serialize)]
struct RevocationListClaims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    version: u32,
    /// The revoked tokens of each client.
    epochs: BTreeMap<ClientId, RevocationEpoch>,
    /// The time of each of these revocations, in seconds.
    clients: BTreeMap<ClientId, i64>,
    /// The expiry of each revoked token.
    tokens: BTreeMap<TokenId, i64>,
    /// The revocation time of each revoked signing key. Omitted if empty.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    keys: BTreeMap<KeyId, i64>,
}

/// Returns the current list. It is signed again after a change or a minute.
pub fn revocation_list(app: &App) -> Result<CachedDocument, OAuthError> {
    let now = app.services.clock.now();
    app.directory.revocations.list(now, || sign(app, now))
}

fn sign(app: &App, now: Timestamp) -> Result<CachedDocument, OAuthError> {
    let revocations = &app.directory.revocations;
    let clients = revocations.clients().into_iter().map(|(id, until)| (id, until.0));
    let tokens = revocations.tokens().into_iter();
    let tokens = tokens.map(|(jti, expires_at)| (jti, expires_at.0));
    let keyring = app.directory.keyring();
    let claims = RevocationListClaims {
        iss: app.issuer.as_str(),
        iat: now.0,
        exp: now.plus_seconds(LIST_TTL_SECONDS).0,
        version: VERSION,
        epochs: revocations.epochs(),
        clients: clients.collect(),
        tokens: tokens.collect(),
        keys: revoked_keys(&keyring, now),
    };
    let failed = |error: String| OAuthError::server_error(error);
    let text = serde_json::to_vec(&claims).map_err(|error| failed(error.to_string()))?;
    let key = keyring
        .signing(app.services.config.token.algorithm, now)
        .or_else(|| keyring.signing_any(now))
        .ok_or_else(|| {
            OAuthError::unavailable("a signing key is missing")
                .because(ReasonCode::SigningKeyMissing)
        })?;
    let jwt = key.sign_as(TYPE, &text).map_err(|error| failed(error.to_string()))?;
    Ok(CachedDocument::of_text(jwt))
}

fn revoked_keys(keyring: &Keyring, now: Timestamp) -> BTreeMap<KeyId, i64> {
    let revoked = keyring.records().iter().filter_map(|key| Some((key, key.revoked_at?)));
    revoked
        .filter(|(_, revoked_at)| now < revoked_at.plus_seconds(KEY_LISTED_SECONDS))
        .map(|(key, revoked_at)| (key.kid.clone(), revoked_at.0))
        .collect()
}
