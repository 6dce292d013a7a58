//! `/v1/tokens`: issuing in the name of a client, reading, verifying and revoking. And the tokens
//! of one client: what the next one would hold, and revoking all of them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::admin::revocation::{self, RevocationTarget};
use crate::admin::token::{self as admin_token, VerifiedToken};
use crate::admin::{AdminError, ObjectKind, Principal, client};
use crate::app::App;
use crate::directory::DirectoryError;
use crate::jose::jwt::{self, AccessTokenClaims};
use crate::model::client::ClientId;
use crate::model::resource::ResourceId;
use crate::model::scope::ScopeName;
use crate::model::time::Timestamp;
use crate::model::token::{TokenId, TokenUse};
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::token::mint::{MintedToken, TokenResponse};
use crate::oauth::token::preview::{self, PreviewError};
use crate::oauth::token::request::{RequestedAccess, TokenRequest};
use crate::oauth::token::{self, RatePolicy};
use crate::text::schema::object_schema;
use crate::web::api::Problem;
use crate::web::api::clients::client_id;
use crate::web::api::grant_json::scopes;
use crate::web::api::json::{Input, Output, at, created, ok};
use crate::web::bearer;

/// Every token of a client that was issued before this event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RevokedTokens)]
pub(super) struct RevokedTokensJson {
    /// The client.
    client_id: ClientId,
    /// Tokens that were issued until then are revoked.
    revoked_until: Timestamp,
    /// Tokens with a smaller `evt` are revoked.
    #[schema(examples(41))]
    evt: i64,
}

/// A token to be issued.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken, examples(json!({ "client_id": "acme", "resource": "https://orders.example.com", "scopes": ["orders:read"] })))]
pub(super) struct IssueInput {
    /// The client.
    #[schema(value_type = ClientId)]
    client_id: String,
    /// May be absent if only one is possible.
    #[schema(value_type = Option<ResourceId>)]
    resource: Option<String>,
    /// Every granted scope if absent.
    #[schema(value_type = Option<Vec<ScopeName>>)]
    scopes: Option<Vec<String>>,
    /// True for a test token: it lives at most five minutes and has the claim `test`.
    #[serde(default)]
    test: bool,
}

/// A token that was issued.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuedToken)]
pub(super) struct IssuedJson {
    #[serde(flatten)]
    response: TokenResponse,
    /// The client.
    client_id: ClientId,
    /// The resource.
    resource: ResourceId,
}

/// A token, as text.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Token)]
pub(super) struct TokenInput {
    /// The token.
    #[schema(examples(
        "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJhY21lIn0.c2lnbmF0dXJl"
    ))]
    token: String,
}

/// The header and claims of a token, unverified.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InspectedToken, examples(json!({ "header": { "alg": "ES256", "typ": "at+jwt", "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" }, "claims": { "iss": "https://auth.example.com", "sub": "acme", "aud": "https://orders.example.com", "scope": "orders:read" } })))]
pub(super) struct InspectedJson {
    /// The header.
    #[schema(value_type = Object)]
    header: Value,
    /// The claims.
    #[schema(value_type = Object)]
    claims: Value,
}

/// The result of verifying a token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = VerifiedToken)]
pub(super) enum VerificationJson {
    /// The token is valid.
    Valid {
        /// True.
        #[schema(examples(true))]
        valid: bool,
        /// The algorithm of its signature.
        #[schema(examples("ES256"))]
        algorithm: &'static str,
        /// The key that verified it.
        #[schema(examples("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"))]
        kid: String,
        /// False if no issuer is known: no server has started yet.
        #[schema(examples(true))]
        issuer_checked: bool,
        /// Its claims.
        claims: Box<AccessTokenClaims>,
    },
    /// The token is not valid.
    Invalid {
        /// False.
        valid: bool,
        /// The reason for programs.
        #[schema(examples("expired"))]
        code: &'static str,
        /// The reason for people.
        #[schema(examples("the token has expired"))]
        reason: String,
    },
}

/// A token to be revoked: its text, or its identifier and its client.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Revocation, examples(json!({ "client_id": "acme", "jti": "kq1sBz3vT0aXn9LrYc5uEw" })))]
pub(super) struct RevocationInput {
    /// The token, whose signature is verified.
    token: Option<String>,
    /// Its identifier, with `client_id`.
    #[schema(value_type = Option<TokenId>)]
    jti: Option<String>,
    /// Its client.
    #[schema(value_type = Option<ClientId>)]
    client_id: Option<String>,
}

/// A token that was revoked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RevokedToken)]
pub(super) struct RevokedTokenJson {
    /// Its identifier.
    jti: TokenId,
    /// When it leaves the list of revoked tokens.
    kept_until: Timestamp,
}

pub(super) async fn issue(
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

/// Issues a token in the name of a client, and records it.
///
/// # Errors
/// What the caller lacks, or why the client would not get the token.
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
    // The caller may have enabled the client or granted the resource just before.
    app.catch_up().await?;
    let client =
        AuthenticatedClient::for_operator(&app.directory, id).map_err(|error| rejected(&error))?;
    let client = client.ok_or_else(|| AdminError::not_found(ObjectKind::Client, id))?;
    let request = TokenRequest::by_operator(client, requested, token_use);
    let issued = Box::pin(token::respond(app, &request, RatePolicy::Exempt));
    let issued = issued.await.map_err(|error| rejected(&error))?.token;
    let (resource, scope) = (&issued.granted.resource().resource, issued.granted.scope());
    // The token is dropped if the caller may not have it.
    admin_token::note_issue(&app.services, principal, id, resource, scope, token_use).await?;
    Ok(issued)
}

/// Why the client would not get the token.
fn rejected(error: &OAuthError) -> Problem {
    let reason = error.reason().to_owned();
    match error.code() {
        ErrorCode::ServerError => Problem::internal(&reason),
        ErrorCode::TemporarilyUnavailable => Problem::unavailable(&reason),
        _ => AdminError::TokenRejected(reason).into(),
    }
}

pub(super) async fn inspect(
    Input(input): Input<TokenInput>,
) -> Result<Output<InspectedJson>, Problem> {
    let (header, claims) = jwt::read_unchecked(&input.token)
        .map_err(|error| Problem::member("/token".to_owned(), error.to_string()))?;
    Ok(ok(InspectedJson { header, claims }))
}

pub(super) async fn verify(
    State(app): State<Arc<App>>,
    Input(input): Input<TokenInput>,
) -> Result<Output<VerificationJson>, Problem> {
    let services = &app.services;
    let now = services.clock.now();
    let verified = admin_token::verify(&services.store, &services.config, now, &input.token).await;
    Ok(ok(match verified {
        Ok(VerifiedToken { token, is_issuer_checked }) => VerificationJson::Valid {
            valid: true,
            algorithm: token.algorithm,
            kid: token.kid,
            issuer_checked: is_issuer_checked,
            claims: Box::new(token.claims),
        },
        Err(AdminError::TokenInvalid(problem)) => {
            let (code, reason) = (problem.code(), problem.to_string());
            VerificationJson::Invalid { valid: false, code, reason }
        }
        Err(error) => return Err(error.into()),
    }))
}

/// Revokes one token, on this instance before the answer and on the others soon.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Input(input): Input<RevocationInput>,
) -> Result<Output<RevokedTokenJson>, Problem> {
    let target = match own_token(&principal, &headers, &input)? {
        Some(own) => own,
        None => target(&app, &principal, input).await?,
    };
    let revoked = revocation::revoke_token(&app.services, &principal, target).await?;
    app.catch_up().await?;
    Ok(ok(RevokedTokenJson { jti: revoked.jti, kept_until: revoked.expires_at }))
}

/// The token that the caller presents with its request, if it names this one. It proves what a `jti`
/// alone does not.
fn own_token(
    principal: &Principal,
    headers: &HeaderMap,
    input: &RevocationInput,
) -> Result<Option<RevocationTarget>, Problem> {
    let (None, Some(jti), Some(client_id), Some(own)) =
        (&input.token, &input.jti, &input.client_id, principal.client_id())
    else {
        return Ok(None);
    };
    let Ok((_, token)) = bearer::presented(headers) else { return Ok(None) };
    let Ok((_, claims)) = jwt::read_unchecked(token) else { return Ok(None) };
    let expires_at = claims["exp"].as_i64().map(Timestamp);
    match expires_at {
        Some(expires_at) if own.as_str() == client_id && claims["jti"] == jti.as_str() => {
            let jti = at("/jti", TokenId::parse(jti))?;
            Ok(Some(RevocationTarget::Verified { jti, client_id: own.clone(), expires_at }))
        }
        _ => Ok(None),
    }
}

async fn target(
    app: &App,
    principal: &Principal,
    input: RevocationInput,
) -> Result<RevocationTarget, Problem> {
    let RevocationInput { token, jti, client_id } = input;
    match (token, jti, client_id) {
        (Some(token), None, None) => {
            let services = &app.services;
            let now = services.clock.now();
            let (store, config) = (&services.store, &services.config);
            let verified = admin_token::verify_signature(store, config, now, &token).await?;
            Ok(RevocationTarget::of_claims(&verified.token.claims)?)
        }
        (None, Some(jti), None) if principal.is_operator() => {
            Ok(RevocationTarget::Id(at("/jti", TokenId::parse(&jti))?))
        }
        (None, Some(jti), Some(client_id)) => Ok(RevocationTarget::OfClient {
            jti: at("/jti", TokenId::parse(&jti))?,
            client_id: at("/client_id", ClientId::parse(&client_id))?,
        }),
        _ => {
            let text = "either token, or jti and client_id, is expected";
            Err(Problem::member(String::new(), text))
        }
    }
}

pub(super) async fn revoke_all(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Output<RevokedTokensJson>, Problem> {
    let client_id = client_id(&id)?;
    let revoked = revocation::revoke_tokens(&app.services, &principal, &client_id).await?;
    app.catch_up().await?;
    let (revoked_until, evt) = (revoked.revoked_until, revoked.epoch.evt);
    Ok(ok(RevokedTokensJson { client_id, revoked_until, evt }))
}

/// The parameters of a token request (RFC 8707, section 2; RFC 6749, section 4.4.2).
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = PreviewedRequest, examples(json!({ "resource": "https://orders.example.com", "scope": "orders:read" })))]
pub(super) struct PreviewInput {
    /// May be absent if only one is possible.
    #[schema(value_type = Option<ResourceId>)]
    resource: Option<String>,
    /// Separated by spaces; every granted scope if absent.
    scope: Option<String>,
}

/// The claims of the next token.
#[derive(Debug, Serialize)]
pub(super) struct PreviewedClaims(Value);

object_schema!(
    PreviewedClaims as "PreviewedClaims",
    "The claims of the next token.",
    {
        "iss": "https://auth.example.com",
        "sub": "acme",
        "aud": "https://orders.example.com",
        "client_id": "acme",
        "scope": "orders:read",
        "iat": 1_795_771_800,
        "exp": 1_795_775_400,
        "tenant": "acme",
    },
);

/// The claims that the next token of a client would have. Nothing is signed, counted or stored.
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Input(input): Input<PreviewInput>,
) -> Result<Output<PreviewedClaims>, Problem> {
    let id = client_id(&id)?;
    client::show(&app.services.store, &principal, &id).await?;
    let requested =
        RequestedAccess { resources: input.resource.into_iter().collect(), scope: input.scope };
    Ok(ok(PreviewedClaims(preview::preview(&app.services, &id, &requested).await?)))
}

impl From<PreviewError> for Problem {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::NoClient(id) => AdminError::not_found(ObjectKind::Client, id).into(),
            PreviewError::Rejected(reason) => AdminError::TokenRejected(reason).into(),
            PreviewError::IssuerMissing => AdminError::IssuerMissing.into(),
            PreviewError::Load(DirectoryError::Store(error)) => AdminError::from(error).into(),
            PreviewError::Load(error) => Self::internal(&error.to_string()),
        }
    }
}
