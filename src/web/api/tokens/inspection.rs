//! Reading a token, and verifying one.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::admin::AdminError;
use crate::admin::token::{self, VerifiedToken};
use crate::app::App;
use crate::jose::jwt::{self, AccessTokenClaims};
use crate::web::api::Problem;
use crate::web::api::json::{Input, Output, ok};

/// A token, as text.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Token)]
pub(in crate::web::api) struct TokenInput {
    /// The token.
    #[schema(examples(
        "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJhY21lIn0.c2lnbmF0dXJl"
    ))]
    token: String,
}

/// The header and claims of a token, unverified.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InspectedToken, examples(json!({ "header": { "alg": "ES256", "typ": "at+jwt", "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" }, "claims": { "iss": "https://auth.example.com", "sub": "acme", "aud": "https://orders.example.com", "scope": "orders:read" } })))]
pub(in crate::web::api) struct InspectedJson {
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
pub(in crate::web::api) enum VerificationJson {
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

pub(in crate::web::api) async fn inspect(
    Input(input): Input<TokenInput>,
) -> Result<Output<InspectedJson>, Problem> {
    let (header, claims) = jwt::read_unchecked(&input.token)
        .map_err(|error| Problem::member("/token".to_owned(), error.to_string()))?;
    Ok(ok(InspectedJson { header, claims }))
}

pub(in crate::web::api) async fn verify(
    State(app): State<Arc<App>>,
    Input(input): Input<TokenInput>,
) -> Result<Output<VerificationJson>, Problem> {
    let services = &app.services;
    let now = services.clock.now();
    let verified = token::verify(&services.store, &services.config, now, &input.token).await;
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
