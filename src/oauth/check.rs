//! Checks access tokens for an API (RFC 6750, section 3; RFC 9449, section 7). The admin API of
//! this server and gateways call it for each request. It reads only memory.

use std::borrow::Cow;

use crate::app::App;
use crate::jose::dpop::{Expected, Proof};
use crate::jose::jwt::{AccessTokenClaims, Confirmation};
use crate::limits::replay_cache::ReplayRejection;
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::time::Timestamp;
use crate::oauth::caller::RequestOrigin;
use crate::oauth::error::quote_input;
use crate::oauth::staleness::reject_if_stale;
use crate::oauth::token_validation;

/// Access that an API requires of a token.
#[derive(Debug)]
pub struct RequiredAccess {
    /// The resource, which must be the token's audience.
    pub resource: String,
    /// The scopes that the token must have. If empty, any token for the resource is accepted.
    pub scopes: Scopes,
}

/// Scheme by which a token was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// As a bearer token (RFC 6750, section 2.1).
    Bearer,
    /// With a proof of possession (RFC 9449, section 7.1).
    Dpop,
}

/// An access token, as the caller of the API presented it.
#[derive(Debug)]
pub struct PresentedToken {
    /// The scheme of the `Authorization` header.
    pub scheme: Scheme,
    /// The token, not yet parsed.
    pub token: String,
    /// The proof of possession, if the request has the proof and all values it is checked against.
    pub proof: Option<ProofOfRequest>,
}

/// A proof of possession, and the request for which it was made.
#[derive(Debug)]
pub struct ProofOfRequest {
    /// The value of the `DPoP` header.
    pub proof: String,
    /// The method of the caller's request.
    pub method: String,
    /// The URLs of the caller's request. The proof must name one of them.
    pub urls: Vec<String>,
    /// The rule for the nonce of the proof.
    pub nonce: NonceRule,
}

/// Rule for the nonce of this server in a proof (RFC 9449, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceRule {
    /// A nonce is not checked: the API uses its own nonces or does not use any.
    Ignore,
    /// The proof must have a nonce of this server.
    Require,
}

/// Properties of a valid token on which an API may rely.
#[derive(Debug)]
pub struct CheckedToken {
    /// The client id.
    pub client_id: String,
    /// The scopes of the token, separated by spaces. May be empty.
    pub scope: String,
    /// The number of seconds until the token expires.
    pub expires_in: i64,
}

/// Why a request is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckError {
    /// The token is malformed, expired, revoked, of another issuer or for another resource, or the
    /// caller does not have its key. The text is for the caller.
    InvalidToken(&'static str),
    /// The proof of possession is missing or wrong (RFC 9449, section 7.1).
    InvalidProof {
        /// The text for the caller.
        text: String,
        /// The nonce for the next proof, if only a nonce is missing (RFC 9449, section 9).
        nonce: Option<String>,
    },
    /// The token lacks a scope.
    InsufficientScope,
    /// The gateway requires a resource or scope that does not exist. The text is for its operator.
    Misconfigured(String),
    /// The directory of this instance is stale, or a replay cache is full.
    Unavailable(Cow<'static, str>),
}

const INVALID_TOKEN: &str = "The access token is malformed, expired, revoked or for another API.";

/// Checks a token for a gateway.
///
/// # Errors
/// See [`CheckError`]. The configuration of the gateway is checked before the token, so that a
/// mistake in it shows on the first request.
pub fn check(
    app: &App,
    required: &RequiredAccess,
    presented: &PresentedToken,
    origin: &RequestOrigin,
) -> Result<CheckedToken, CheckError> {
    let now = app.services.clock.now();
    reject_stale(app, now)?;
    check_configuration(app, required)?;
    let claims = valid_claims(app, &required.resource, &presented.token, now)?;
    check_binding(app, &claims, presented, origin, now)?;
    let checked = CheckedToken::of(claims, now);
    let has = |wanted: &str| checked.scope.split(' ').any(|held| held == wanted);
    if !required.scopes.iter().all(|wanted| has(wanted.as_str())) {
        return Err(CheckError::InsufficientScope);
    }
    Ok(checked)
}

/// Checks a token again after [`check`], while a response to its caller is being written. Rejects
/// it if it has expired or been revoked since. The binding is not checked again.
///
/// # Errors
/// [`CheckError::InvalidToken`] and [`CheckError::Unavailable`].
pub fn check_again(app: &App, resource: &str, token: &str) -> Result<CheckedToken, CheckError> {
    let now = app.services.clock.now();
    reject_stale(app, now)?;
    valid_claims(app, resource, token, now).map(|claims| CheckedToken::of(claims, now))
}

impl CheckedToken {
    fn of(claims: AccessTokenClaims, now: Timestamp) -> Self {
        Self {
            client_id: claims.client_id,
            scope: claims.scope.unwrap_or_default(),
            expires_in: claims.exp.saturating_sub(now.0),
        }
    }
}

fn reject_stale(app: &App, now: Timestamp) -> Result<(), CheckError> {
    reject_if_stale(app, now)
        .map_err(|error| CheckError::Unavailable(error.reason().to_owned().into()))
}

/// Returns the claims of a token that is valid now and for this resource.
fn valid_claims(
    app: &App,
    resource: &str,
    token: &str,
    now: Timestamp,
) -> Result<AccessTokenClaims, CheckError> {
    token_validation::validate_access_token(app, token, now)
        .filter(|claims| claims.aud == resource)
        .ok_or(CheckError::InvalidToken(INVALID_TOKEN))
}

fn check_configuration(app: &App, required: &RequiredAccess) -> Result<(), CheckError> {
    let resources = app.directory.resources();
    let resource = ResourceId::parse(&required.resource).ok();
    let resource = resource.and_then(|id| resources.get(&id)).ok_or_else(|| {
        CheckError::Misconfigured(format!(
            "resource: {} is not registered",
            quote_input(&required.resource)
        ))
    })?;
    let is_known = |wanted: &ScopeName| resource.scopes.iter().any(|scope| scope.name == *wanted);
    match required.scopes.iter().find(|wanted| !is_known(wanted)) {
        None => Ok(()),
        Some(unknown) => Err(CheckError::Misconfigured(format!(
            "scope: {} does not have the scope {unknown}",
            required.resource
        ))),
    }
}

/// Rejects a bound token unless the caller holds its key.
fn check_binding(
    app: &App,
    claims: &AccessTokenClaims,
    presented: &PresentedToken,
    origin: &RequestOrigin,
    now: Timestamp,
) -> Result<(), CheckError> {
    match (&claims.cnf, presented.scheme) {
        (None, Scheme::Bearer) => Ok(()),
        // A proof does not protect a bearer token, and a bound token must not be used without one.
        (None, Scheme::Dpop) => {
            Err(CheckError::InvalidToken("The access token is a bearer token: use Bearer."))
        }
        (Some(Confirmation::Key(_)), Scheme::Bearer) => {
            Err(CheckError::InvalidToken("The access token is bound to a key: use DPoP."))
        }
        (Some(Confirmation::Key(thumbprint)), Scheme::Dpop) => {
            check_proof(app, claims, thumbprint, presented, now)
        }
        (Some(Confirmation::Certificate(_)), Scheme::Dpop) => {
            Err(CheckError::InvalidToken("The access token is bound to a certificate: use Bearer."))
        }
        (Some(Confirmation::Certificate(thumbprint)), Scheme::Bearer) => {
            let certificate = origin.certificate.certificate().filter(|_| origin.is_trusted_proxy);
            if certificate.is_some_and(|shown| shown.thumbprint() == *thumbprint) {
                return Ok(());
            }
            Err(CheckError::InvalidToken("The access token is bound to another certificate."))
        }
    }
}

/// Checks that a proof is for this request, token and key, and consumes it (RFC 9449, section 7.1).
fn check_proof(
    app: &App,
    claims: &AccessTokenClaims,
    thumbprint: &str,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<(), CheckError> {
    let wrong = |problem: &str| CheckError::InvalidProof {
        text: format!("The DPoP proof: {problem}."),
        nonce: None,
    };
    let Some(request) = &presented.proof else {
        return Err(wrong("it is missing, or the gateway did not forward it"));
    };
    let expected = Expected { method: &request.method, uris: &request.urls };
    let proof = Proof::check(&request.proof, &expected);
    let proof = proof.map_err(|error| wrong(&error.to_string()))?;
    let nonces = &app.services.nonce_issuer;
    let has_nonce = || proof.nonce.as_deref().is_some_and(|nonce| nonces.knows(nonce, now));
    if request.nonce == NonceRule::Require && !has_nonce() {
        let text = "The DPoP proof lacks the nonce of this server.".to_owned();
        return Err(CheckError::InvalidProof { text, nonce: Some(nonces.make(now)) });
    }
    proof.check_time(now).map_err(|error| wrong(&error.to_string()))?;
    if !proof.is_for_token(&presented.token) {
        return Err(wrong("its ath is not the hash of the access token"));
    }
    if proof.thumbprint != thumbprint {
        return Err(wrong("it is signed with another key than the token is bound to"));
    }
    let taken = app.services.api_dpop_proofs.take(&proof.replay_key, &claims.client_id, now);
    taken.map_err(|rejected| match rejected {
        ReplayRejection::Seen => wrong("it has been used before"),
        // The proof may be correct, so the answer must not call it wrong.
        ReplayRejection::Full => {
            CheckError::Unavailable("the memory of DPoP proofs is full".into())
        }
        ReplayRejection::FullForOne(_) => CheckError::Unavailable(
            format!("client {} sends too many DPoP proofs", claims.client_id).into(),
        ),
    })
}
