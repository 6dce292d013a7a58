//! The claims that the next token of a client would have.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::admin::{AdminError, ObjectKind, Principal, client};
use crate::app::App;
use crate::directory::DirectoryError;
use crate::model::resource::ResourceId;
use crate::oauth::token::preview::{self, PreviewError};
use crate::oauth::token::request::RequestedAccess;
use crate::text::schema::object_schema;
use crate::web::api::Problem;
use crate::web::api::clients::client_id;
use crate::web::api::json::{Input, Output, ok};

/// The parameters of a token request (RFC 8707, section 2; RFC 6749, section 4.4.2).
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = PreviewedRequest, examples(json!({ "resource": "https://orders.example.com", "scope": "orders:read" })))]
pub(in crate::web::api) struct PreviewInput {
    /// May be absent if only one is possible.
    #[schema(value_type = Option<ResourceId>)]
    resource: Option<String>,
    /// Separated by spaces; every granted scope if absent.
    scope: Option<String>,
}

/// The claims of the next token.
#[derive(Debug, Serialize)]
pub(in crate::web::api) struct PreviewedClaims(Value);

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

/// Previews the claims of the next token of a client. Nothing is signed, counted or stored.
pub(in crate::web::api) async fn preview(
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
            error @ (PreviewError::Load(_) | PreviewError::Failed(_)) => {
                Self::internal(&error.to_string())
            }
        }
    }
}
