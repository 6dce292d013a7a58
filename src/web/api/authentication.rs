//! Authentication of admin API callers, which are clients with an access token for `urn:tokend`
//! (RFC 6750; D17). A token bound to a key needs a DPoP proof for each request (RFC 9449,
//! section 7). For a token bound to a certificate, a trusted proxy must forward the certificate
//! (RFC 8705, section 3).

use std::collections::BTreeSet;

use axum::http::request::Parts;
use secrecy::{ExposeSecret, SecretString};

use crate::admin::{AdminError, Principal, Restrictions};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::oauth::caller::RequestOrigin;
use crate::oauth::check::{
    self, CheckError, CheckedToken, NonceRule, PresentedToken, ProofOfRequest, RequiredAccess,
    Scheme,
};
use crate::web::api::Problem;
use crate::web::bearer::{self, HeaderError};

/// Authenticates the caller of a request.
///
/// The rights are the scopes of the token that the client still holds. The loss of a grant is
/// effective immediately, even if the token has not expired.
///
/// # Errors
/// 401 with a challenge for an invalid token, 503 if this instance cannot check it.
pub(super) async fn authenticate(app: &App, request: &Parts) -> Result<Principal, Problem> {
    let origin = request.extensions.get::<RequestOrigin>();
    let origin = origin.ok_or_else(|| Problem::internal("a request has no origin"))?;
    let presented = presented_token(app, request)?;
    let required =
        RequiredAccess { resource: ResourceId::SERVER.to_owned(), scopes: Scopes::default() };
    let token = check::check(app, &required, &presented, origin).map_err(rejection)?;
    holder(app, &token, origin).await
}

/// The caller of a long-running response. Its token and its rights are checked again while the
/// response is sent.
pub(super) struct RecheckedCaller {
    token: SecretString,
    origin: RequestOrigin,
}

impl RecheckedCaller {
    /// Creates the caller from a request that [`authenticate`] has accepted.
    pub(super) fn of(request: &Parts) -> Result<Self, Problem> {
        let origin = request.extensions.get::<RequestOrigin>().cloned();
        let origin = origin.ok_or_else(|| Problem::internal("a request has no origin"))?;
        let (_, token) = bearer::presented(&request.headers)
            .map_err(|_| Problem::internal("a request has no token"))?;
        Ok(Self { token: token.into(), origin })
    }

    /// Returns the caller with its current rights.
    ///
    /// # Errors
    /// As for [`authenticate`].
    pub(super) async fn principal(&self, app: &App) -> Result<Principal, Problem> {
        holder(app, &self.token(app)?, &self.origin).await
    }

    /// Checks that the token is still valid, from memory only.
    ///
    /// # Errors
    /// 401 if the token is no longer valid, 503 if this instance cannot check it.
    pub(super) fn check_token(&self, app: &App) -> Result<(), Problem> {
        self.token(app).map(|_| ())
    }

    fn token(&self, app: &App) -> Result<CheckedToken, Problem> {
        let token = self.token.expose_secret();
        check::check_again(app, ResourceId::SERVER, token).map_err(rejection)
    }
}

fn rejection(error: CheckError) -> Problem {
    match error {
        CheckError::InvalidToken(text) => Problem::unauthorized(text),
        CheckError::InvalidProof { text, nonce } => Problem::of_proof(&text, nonce.as_deref()),
        CheckError::Unavailable(reason) => Problem::unavailable(&reason),
        CheckError::InsufficientScope | CheckError::Misconfigured(_) => {
            Problem::internal("the scopes of urn:tokend are not registered")
        }
    }
}

/// Returns the client of a token with its current rights.
async fn holder(
    app: &App,
    token: &CheckedToken,
    origin: &RequestOrigin,
) -> Result<Principal, Problem> {
    let id = ClientId::parse(&token.client_id).map_err(|_| Problem::unauthorized(NO_GRANT))?;
    // The directory does not store the owners of administrators (D18).
    let found = app.services.store.registration(&id).await.map_err(AdminError::from)?;
    let found = found.ok_or_else(|| Problem::unauthorized(NO_GRANT))?;
    let restrictions = Restrictions::of(&found.client.security, &found.grants);
    let owners = found.client.admin_of;
    let principal = principal(app, &id, token, owners, origin);
    let principal = principal.ok_or_else(|| Problem::unauthorized(NO_GRANT))?;
    Ok(principal.within(restrictions))
}

const NO_GRANT: &str = "The client of the token may not use the admin API from here.";

fn principal(
    app: &App,
    id: &ClientId,
    token: &CheckedToken,
    owners: Option<BTreeSet<Owner>>,
    origin: &RequestOrigin,
) -> Option<Principal> {
    let client = app.directory.client(id.as_str())?;
    let is_admitted =
        client.security.as_ref().is_none_or(|security| security.networks.admit(origin.address));
    let held = client.grants.iter().filter_map(|grant| grant.effective());
    let held = held.into_iter().find(|grant| grant.resource.resource.is_built_in())?;
    if !is_admitted || !held.networks.admit(origin.address) {
        return None;
    }
    let held = AdminScope::known(&held.scope);
    let scopes = AdminScope::known(&Scopes::stored(&token.scope));
    let scopes = scopes.intersection(&held).copied().collect();
    Some(Principal::administrator(id, scopes, owners))
}

fn presented_token(app: &App, request: &Parts) -> Result<PresentedToken, Problem> {
    let (scheme, token) = bearer::presented(&request.headers).map_err(|error| match error {
        HeaderError::Missing => Problem::unauthenticated(),
        HeaderError::Malformed => Problem::unauthorized(bearer::MALFORMED),
    })?;
    let proof = match scheme {
        Scheme::Bearer => None,
        Scheme::Dpop => proof_of(app, request)?,
    };
    Ok(PresentedToken { scheme, token: token.to_owned(), proof })
}

/// Returns the DPoP proof of a request, for the configured URLs of the listener. The `Host` header
/// is not used: an attacker that a caller sent a proof to could replay it with its own host name.
fn proof_of(app: &App, request: &Parts) -> Result<Option<ProofOfRequest>, Problem> {
    let mut values = request.headers.get_all("dpop").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let one = value.to_str().ok().filter(|_| values.next().is_none());
    let proof = one.ok_or_else(|| Problem::of_proof("The DPoP header is not one JWT.", None))?;
    let config = &app.services.config;
    let path = request.uri.path();
    let urls: Vec<_> = config.management_urls().iter().map(|url| format!("{url}{path}")).collect();
    if urls.is_empty() {
        let text = "This listener does not know its URL, so it takes no DPoP proof. Its operator sets management.url.";
        return Err(Problem::of_proof(text, None));
    }
    let nonce = if config.token.dpop_nonces { NonceRule::Require } else { NonceRule::Ignore };
    let (proof, method) = (proof.to_owned(), request.method.as_str().to_owned());
    Ok(Some(ProofOfRequest { proof, method, urls, nonce }))
}
