//! The token request (RFC 6749, section 3.2): from a parsed request to a signed token.
//!
//! Read [`respond`] first. Each step takes the value that the step before it made, and only the
//! step that checks can make that value.

pub mod authorization;
pub mod mint;
pub(super) mod rate;
pub mod request;
pub mod sender_constraint;

use crate::app::App;
use crate::model::client::GrantType;
use crate::oauth::client_authentication::{self, AuthenticatedClient, Purpose};
use crate::oauth::error::OAuthError;
use crate::oauth::token::authorization::Granted;
use crate::oauth::token::mint::TokenResponse;
use crate::oauth::token::request::{GrantRequest, RequestedAccess, TokenRequest};

/// Answers a token request (RFC 6749, section 3.2): authenticate, authorize, mint.
pub async fn respond(app: &App, request: &TokenRequest) -> Result<TokenResponse, OAuthError> {
    let client = match &request.grant {
        GrantRequest::ClientCredentials(_) => {
            client_authentication::authenticate(app, &request.caller, Purpose::Token).await?
        }
        GrantRequest::JwtBearer(assertion, _) => {
            let proving =
                client_authentication::authenticate_by_grant(app, &request.caller, assertion);
            Box::pin(proving).await?
        }
    };
    authorize_and_mint(app, &client, request)
        .await
        .map_err(|rejection| rejection.about(client.id().as_str()))
}

/// Issues a token without a request, to a client for which an operator speaks: authorize, mint. Says
/// also what has been granted.
pub async fn issue(
    app: &App,
    client: &AuthenticatedClient,
    requested: &RequestedAccess,
) -> Result<(Granted, TokenResponse), OAuthError> {
    let granted = authorization::authorize(app, client, &GrantType::ClientCredentials, requested)?;
    let issued = mint::issue_time(app, client).await?;
    let binding = sender_constraint::verify_binding(app, client, None, issued.now)?;
    let binding = binding.consume_proof(app, client, issued.now)?;
    let token = mint::mint(app, client, &granted, &binding, issued)?;
    Ok((granted, token))
}

async fn authorize_and_mint(
    app: &App,
    client: &AuthenticatedClient,
    request: &TokenRequest,
) -> Result<TokenResponse, OAuthError> {
    let granted = match &request.grant {
        GrantRequest::ClientCredentials(requested) => {
            authorization::authorize(app, client, &GrantType::ClientCredentials, requested)?
        }
        GrantRequest::JwtBearer(_, requested) => {
            authorization::authorize(app, client, &GrantType::JwtBearer, requested)?
        }
    };
    // The one look at the clock for the token comes last: a first proof may have taken seconds.
    let issued = mint::issue_time(app, client).await?;
    let checked =
        sender_constraint::verify_binding(app, client, request.proof.as_ref(), issued.now)?;
    rate::count(app, client, &granted, issued.now)?;
    let binding = checked.consume_proof(app, client, issued.now)?;
    mint::mint(app, client, &granted, &binding, issued)
}
