//! Issuing a token in the name of a client.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::token as admin_token;
use crate::admin::{AdminError, ObjectKind, Principal};
use crate::app::App;
use crate::model::client::ClientId;
use crate::model::resource::ResourceId;
use crate::model::scope::ScopeName;
use crate::model::token::TokenUse;
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::token::mint::{MintedToken, TokenResponse};
use crate::oauth::token::request::{RequestedAccess, TokenRequest};
use crate::oauth::token::{self, RatePolicy};
use crate::web::api::Problem;
use crate::web::api::grant_json::scopes;
use crate::web::api::json::{Input, Output, at, created};

/// A token to issue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken, examples(json!({ "client_id": "acme", "resource": "https://orders.example.com", "scopes": ["orders:read"] })))]
pub(in crate::web::api) struct IssueInput {
    /// The client.
    #[schema(value_type = ClientId)]
    client_id: String,
    /// May be absent if only one is possible.
    #[schema(value_type = Option<ResourceId>)]
    resource: Option<String>,
    /// Every granted scope if absent.
    #[schema(value_type = Option<Vec<ScopeName>>)]
    scopes: Option<Vec<String>>,
    /// True for a test token: it expires after at most five minutes and has the claim `test`.
    #[serde(default)]
    test: bool,
}

/// A token that was issued.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuedToken)]
pub(in crate::web::api) struct IssuedJson {
    #[serde(flatten)]
    response: TokenResponse,
    /// The client.
    client_id: ClientId,
    /// The resource.
    resource: ResourceId,
}

pub(in crate::web::api) async fn issue(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Input(input): Input<IssueInput>,
) -> Result<Output<IssuedJson>, Problem> {
    let id = at("/client_id", ClientId::parse(&input.client_id))?;
    let scope = input.scopes.as_deref().map(|names| scopes("/scopes", names)).transpose()?;
    let requested = RequestedAccess {
        resources: input.resource.into_iter().collect(),
        scope: scope.map(|scope| scope.to_string()),
    };
    let token_use = if input.test { TokenUse::Test } else { TokenUse::Access };
    let MintedToken { response, granted, .. } =
        issue_for(&app, &principal, &id, requested, token_use).await?;
    let resource = granted.resource().resource.clone();
    Ok(created(IssuedJson { response, client_id: id, resource }))
}

/// Issues a token on behalf of a client, and records the event.
///
/// # Errors
/// The right that the caller lacks, or why the client would not get the token.
pub(in crate::web) async fn issue_for(
    app: &Arc<App>,
    principal: &Principal,
    id: &ClientId,
    requested: RequestedAccess,
    token_use: TokenUse,
) -> Result<MintedToken, Problem> {
    let is_for_server = requested.resources.iter().any(|resource| resource == ResourceId::SERVER);
    if is_for_server && !principal.is_operator() {
        return Err(AdminError::TokenForServer.into());
    }
    if app.issuer.as_str().is_empty() {
        return Err(AdminError::IssuerMissing.into());
    }
    admin_token::require_rights(app.services.store.read(), principal, id).await?;
    // The caller may have just enabled the client or granted the resource.
    app.catch_up().await?;
    let client =
        AuthenticatedClient::for_operator(&app.directory, id).map_err(|error| rejected(&error))?;
    let client = client.ok_or_else(|| AdminError::not_found(ObjectKind::Client, id))?;
    let request = TokenRequest::by_operator(client, requested, token_use);
    let issued = Box::pin(token::respond(app, &request, RatePolicy::Exempt));
    let issued = issued.await.map_err(|error| rejected(&error))?.token;
    let (resource, scope) = (&issued.granted.resource().resource, issued.granted.scope());
    // If the caller lacks a right, the token is dropped.
    admin_token::note_issue(&app.services, principal, id, resource, scope, token_use).await?;
    Ok(issued)
}

/// Explains why the client would not get the token.
fn rejected(error: &OAuthError) -> Problem {
    let reason = error.reason().to_owned();
    match error.code() {
        ErrorCode::ServerError => Problem::internal(&reason),
        ErrorCode::TemporarilyUnavailable => Problem::unavailable(&reason),
        _ => AdminError::TokenRejected(reason).into(),
    }
}
