//! The check of an access token for an API: for the admin API of this server, and for a gateway that
//! asks about each request that it forwards (RFC 6750, section 3; RFC 9449, section 7). From memory
//! alone.

use std::borrow::Cow;

use crate::app::App;
use crate::jose::dpop::{Expected, Proof};
use crate::jose::jwt::{AccessTokenClaims, Confirmation};
use crate::limits::replay_cache::ReplayRejection;
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::time::Timestamp;
use crate::oauth::caller::RequestOrigin;
use crate::oauth::client_authentication::reject_if_stale;
use crate::oauth::error::quote_input;
use crate::oauth::token_validation;

/// What an API wants to know: whether a token is for this resource and has these scopes.
#[derive(Debug)]
pub struct RequiredAccess {
    /// The resource, which must be the token's audience.
    pub resource: String,
    /// The scopes that the token must have; empty if any token for the resource will do.
    pub scopes: Scopes,
}

/// How a token was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// As a bearer token (RFC 6750, section 2.1).
    Bearer,
    /// With a proof of possession (RFC 9449, section 7.1).
    Dpop,
}

/// A token as the caller of the API presented it.
#[derive(Debug)]
pub struct PresentedToken {
    /// The scheme of the `Authorization` header.
    pub scheme: Scheme,
    /// The token, unread.
    pub token: String,
    /// The proof of possession, if it came with all that belongs to it.
    pub proof: Option<ProofOfRequest>,
}

/// A proof of possession, and the request that it was made for.
#[derive(Debug)]
pub struct ProofOfRequest {
    /// The value of the `DPoP` header.
    pub proof: String,
    /// The method of the caller's request.
    pub method: String,
    /// The URLs of the caller's request; the proof names one of them.
    pub urls: Vec<String>,
    /// What is said about nonces.
    pub nonce: NonceRule,
}

/// Whether a proof must contain a nonce of this server (RFC 9449, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceRule {
    /// The API has nonces of its own, or none.
    Ignore,
    /// It must.
    Require,
}

/// What the API may rely on.
#[derive(Debug)]
pub struct CheckedToken {
    /// The client.
    pub client_id: String,
    /// The scopes of the token, separated by spaces; may be empty.
    pub scope: String,
    /// How many seconds the token is still valid.
    pub expires_in: i64,
}

/// Why a request is not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckError {
    /// The token is malformed, expired, revoked, of another issuer or for another resource, or the
    /// caller does not have its key. The text is for the caller.
    InvalidToken(&'static str),
    /// The proof of possession is missing or wrong (RFC 9449, section 7.1).
    InvalidProof {
        /// For the caller.
        text: String,
        /// If only a nonce is missing: the one for the next proof (RFC 9449, section 9).
        nonce: Option<String>,
    },
    /// The token lacks a scope.
    InsufficientScope,
    /// The gateway asks for something that does not exist. The text is for its operator.
    Misconfigured(String),
    /// The memory of this instance is too old, or cannot take one more proof.
    Unavailable(Cow<'static, str>),
}

const INVALID_TOKEN: &str = "The access token is malformed, expired, revoked or for another API.";

/// Checks a token for a gateway.
///
/// # Errors
/// See [`CheckError`]. The configuration of the gateway is checked before the token, so that a
/// mistake in it shows at the first request.
pub fn check(
    app: &App,
    required: &RequiredAccess,
    presented: &PresentedToken,
    origin: &RequestOrigin,
) -> Result<CheckedToken, CheckError> {
    let now = app.services.clock.now();
    reject_if_stale(app, now)
        .map_err(|error| CheckError::Unavailable(error.reason().to_owned().into()))?;
    check_configuration(app, required)?;
    let claims = token_validation::validate_access_token(app, &presented.token, now)
        .filter(|claims| claims.aud == required.resource)
        .ok_or(CheckError::InvalidToken(INVALID_TOKEN))?;
    check_binding(app, &claims, presented, origin, now)?;
    let scope = claims.scope.unwrap_or_default();
    let has = |wanted: &str| scope.split(' ').any(|held| held == wanted);
    if !required.scopes.iter().all(|wanted| has(wanted.as_str())) {
        return Err(CheckError::InsufficientScope);
    }
    let expires_in = claims.exp.saturating_sub(now.0);
    Ok(CheckedToken { client_id: claims.client_id, scope, expires_in })
}

/// Checks again a token that [`check`] has let through, while an answer to its caller is written:
/// whether it has ended since. Its binding was checked with the request.
///
/// # Errors
/// [`CheckError::InvalidToken`] and [`CheckError::Unavailable`].
pub fn check_again(app: &App, resource: &str, token: &str) -> Result<CheckedToken, CheckError> {
    let now = app.services.clock.now();
    reject_if_stale(app, now)
        .map_err(|error| CheckError::Unavailable(error.reason().to_owned().into()))?;
    let claims = token_validation::validate_access_token(app, token, now)
        .filter(|claims| claims.aud == resource)
        .ok_or(CheckError::InvalidToken(INVALID_TOKEN))?;
    let expires_in = claims.exp.saturating_sub(now.0);
    let scope = claims.scope.unwrap_or_default();
    Ok(CheckedToken { client_id: claims.client_id, scope, expires_in })
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

/// Checks that the caller has the key that the token is bound to, if it is bound.
fn check_binding(
    app: &App,
    claims: &AccessTokenClaims,
    presented: &PresentedToken,
    origin: &RequestOrigin,
    now: Timestamp,
) -> Result<(), CheckError> {
    match (&claims.cnf, presented.scheme) {
        (None, Scheme::Bearer) => Ok(()),
        // A bearer token gains nothing by a proof, and a bound one must not be used without.
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

/// RFC 9449, section 7.1: a proof for this very request, token and key, used once.
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
    let taken = app.services.api_dpop_proofs.take(&proof.name, &claims.client_id, now);
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
