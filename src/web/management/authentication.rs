//! Who calls the admin API: a client with an access token for `urn:tokend` (RFC 6750; DESIGN D17).

use axum::http::request::Parts;

use crate::admin::{AdminError, Principal};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::oauth::caller::RequestOrigin;
use crate::oauth::check::{self, CheckError, CheckedToken, PresentedToken, RequiredAccess};
use crate::web::bearer::{self, HeaderError};
use crate::web::management::Problem;

/// Finds the caller of a request.
///
/// Its rights are the scopes of the token that the client still holds: a grant that was taken from
/// it counts at once, although the token lives on.
///
/// # Errors
/// 401 with a challenge for every token that is not valid here, 503 if this instance cannot know.
pub(super) async fn authenticate(app: &App, request: &Parts) -> Result<Principal, Problem> {
    let origin = request.extensions.get::<RequestOrigin>();
    let origin = origin.ok_or_else(|| Problem::internal("a request has no origin"))?;
    let presented = presented_token(request)?;
    let required =
        RequiredAccess { resource: ResourceId::SERVER.to_owned(), scopes: Scopes::default() };
    let token = check::check(app, &required, &presented, origin).map_err(|error| match error {
        CheckError::InvalidToken(text) => Problem::unauthorized(text),
        CheckError::InvalidProof(text) => Problem::unauthorized(&text),
        CheckError::Unavailable(reason) => Problem::unavailable(&reason),
        CheckError::InsufficientScope | CheckError::Misconfigured(_) => {
            Problem::internal("the scopes of urn:tokend are not registered")
        }
    })?;
    let id = ClientId::parse(&token.client_id).map_err(|_| Problem::unauthorized(NO_GRANT))?;
    // The directory does not hold the owners of administrators (DESIGN D18).
    let found = app.services.store.registration(&id).await.map_err(AdminError::from)?;
    let found = found.ok_or_else(|| Problem::unauthorized(NO_GRANT))?;
    if found.client.admin_of.is_some() {
        return Err(Problem::forbidden(LIMITED));
    }
    principal(app, &id, &token, origin).ok_or_else(|| Problem::unauthorized(NO_GRANT))
}

/// No right is given by mistake to an administrator of some owners: the API does not separate
/// owners yet.
const LIMITED: &str = "An administrator that is limited to owners cannot use the admin API yet.";

const NO_GRANT: &str = "The client of the token may not use the admin API from here.";

fn principal(
    app: &App,
    id: &ClientId,
    token: &CheckedToken,
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
    Some(Principal::administrator(id, scopes.intersection(&held).copied().collect()))
}

fn presented_token(request: &Parts) -> Result<PresentedToken, Problem> {
    let (scheme, token) = bearer::presented(&request.headers).map_err(|error| match error {
        HeaderError::Missing => Problem::unauthenticated(),
        HeaderError::Malformed => Problem::unauthorized(bearer::MALFORMED),
    })?;
    Ok(PresentedToken { scheme, token: token.to_owned(), proof: None })
}
