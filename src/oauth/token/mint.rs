//! Step 7, minting: signs the token as a JWT (RFC 9068).

use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::App;
use crate::crypto::{CryptoError, random};
use crate::jose::jwt::Confirmation;
use crate::keys::keyring::{Keyring, SigningKey};
use crate::model::reason_code::ReasonCode;
use crate::model::resource::{Resource, SignedBefore};
use crate::model::time::Timestamp;
use crate::model::token::TokenUse;
use crate::oauth::error::OAuthError;
use crate::oauth::token::authorization::Granted;
use crate::oauth::token::issue_time::IssueTime;
use crate::oauth::token::sender_constraint::Bound;
use crate::text::json_writer::JsonObject;

/// Capacity for usual claims. The buffer grows for longer ones.
const TOKEN_CAPACITY: usize = 512;

/// Capacity for the members of a response other than token and scope.
const RESPONSE_CAPACITY: usize = 128;

/// The response to a token request (RFC 6749, section 5.1).
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenResponse {
    /// The token.
    #[schema(examples(
        "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJhY21lIn0.c2lnbmF0dXJl"
    ))]
    pub access_token: String,
    /// How it is used: `Bearer` or `DPoP`.
    #[schema(examples("Bearer"))]
    pub token_type: &'static str,
    /// The lifetime of the token in seconds.
    #[schema(examples(3600))]
    pub expires_in: i64,
    /// The granted scopes; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("orders:read"))]
    pub scope: Option<String>,
}

impl TokenResponse {
    /// Returns the response as JSON, in the same bytes as its serializer.
    pub fn to_json(&self) -> Vec<u8> {
        let Self { access_token, token_type, expires_in, scope } = self;
        let scope = scope.as_deref();
        let capacity = access_token.len() + scope.map_or(0, str::len) + RESPONSE_CAPACITY;
        let mut json = JsonObject::with_capacity(capacity);
        json.plain_text("access_token", access_token);
        json.plain_text("token_type", token_type);
        json.number("expires_in", *expires_in);
        if let Some(scope) = scope {
            json.text("scope", scope);
        }
        json.end()
    }
}

/// A signed token, and the access for which it was issued.
#[derive(Debug)]
pub struct MintedToken {
    /// The response to the requester.
    pub response: TokenResponse,
    /// The granted access.
    pub granted: Granted,
    /// The claim `jti`.
    pub jti: String,
    /// The key that signed it.
    pub key: Arc<SigningKey>,
}

/// Signs a token for granted and bound access.
pub(super) fn mint(app: &App, bound: Bound, time: IssueTime) -> Result<MintedToken, OAuthError> {
    let now = time.now;
    let granted = bound.granted();
    let resource = granted.resource();
    let jti = new_jti().map_err(|error| OAuthError::server_error(error.to_string()))?;
    let scope = scope(granted);
    let confirmation = bound.confirmation();
    let text =
        claims_json(app.issuer.as_str(), granted, scope.as_deref(), confirmation, time, &jti)
            .map_err(|error| OAuthError::server_error(error.to_string()))?;
    let keyring = app.directory.keyring();
    let default = app.services.config.token.algorithm;
    let key = own_key(&keyring, resource, now)
        .or_else(|| keyring.signing(default, now))
        .or_else(|| keyring.signing_any(now))
        .ok_or_else(|| {
            OAuthError::unavailable("a signing key is missing")
                .because(ReasonCode::SigningKeyMissing)
        })?;
    let started = Instant::now();
    let access_token = key
        .sign_typed(resource.token_typ, &text)
        .map_err(|error| OAuthError::server_error(error.to_string()))?;
    app.metrics.signature(key.algorithm()).observe(started.elapsed());
    granted.count_issued(key.algorithm());
    let token_type = token_type(bound.confirmation());
    let expires_in = expiry(granted, now).seconds_since(now);
    let response = TokenResponse { access_token, token_type, expires_in, scope };
    let key = key.clone();
    Ok(MintedToken { response, granted: bound.into_granted(), jti, key })
}

/// Returns an id for a token: 16 random bytes.
pub(super) fn new_jti() -> Result<String, CryptoError> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random::public_bytes::<16>()?))
}

/// Returns the claims of a token as JSON: those of RFC 9068, section 2.2, then the static claims.
/// Names cannot collide, because the former are reserved.
pub(super) fn claims_json(
    issuer: &str,
    granted: &Granted,
    scope: Option<&str>,
    confirmation: Option<&Confirmation>,
    time: IssueTime,
    jti: &str,
) -> Result<Vec<u8>, serde_json::Error> {
    let client_id = granted.client().id().as_str();
    let members = granted.claims().unwrap_or_default();
    let mut claims = JsonObject::with_capacity(TOKEN_CAPACITY + members.len());
    claims.text("iss", issuer);
    claims.text("sub", granted.subject());
    claims.text("aud", granted.resource().resource.as_str());
    claims.text("client_id", client_id);
    if let Some(scope) = scope {
        claims.text("scope", scope);
    }
    claims.number("iat", time.now.0);
    claims.number("exp", expiry(granted, time.now).0);
    claims.text("jti", jti);
    claims.number("evt", time.evt);
    if let Some(confirmation) = confirmation {
        claims.value("cnf", confirmation)?;
    }
    claims.members(members);
    let text = claims.end();
    match granted.token_use() {
        TokenUse::Access => Ok(text),
        TokenUse::Test => marked(&text),
    }
}

/// Adds the claim `test` of a test token. The name is reserved, so no static claim has it.
fn marked(claims: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut claims: Map<String, Value> = serde_json::from_slice(claims)?;
    claims.insert("test".to_owned(), Value::Bool(true));
    serde_json::to_vec(&claims)
}

/// Returns the scope as text; `None` if it is empty.
pub(super) fn scope(granted: &Granted) -> Option<String> {
    Some(granted.scope_text()).filter(|scope| !scope.is_empty())
}

fn expiry(granted: &Granted, now: Timestamp) -> Timestamp {
    now.plus(granted.lifetime())
}

/// Returns the key of the resource's own algorithm. Before that algorithm has a signing key: the
/// next key for a new resource, the key of the previous algorithm, or `None` for the default of the
/// server.
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

/// Returns the `token_type` (RFC 6749, section 7.1; RFC 9449, section 5).
pub(in crate::oauth) fn token_type(confirmation: Option<&Confirmation>) -> &'static str {
    match confirmation {
        Some(Confirmation::Key(_)) => "DPoP",
        Some(Confirmation::Certificate(_)) | None => "Bearer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_as_its_serializer_writes_it() {
        for scope in [None, Some("orders:read orders:write"), Some("a\"\\\u{7f}\u{e4}\n")] {
            let response = TokenResponse {
                access_token: "eyJ.a-b_c.0".repeat(60),
                token_type: "Bearer",
                expires_in: 3600,
                scope: scope.map(str::to_owned),
            };
            let written = serde_json::to_string(&response).expect("JSON");
            assert_eq!(String::from_utf8(response.to_json()).expect("text"), written);
        }
    }
}
