//! `/v1/clients/{id}/keys`: the public keys that authenticate a client.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::client::key::ClientKey;
use crate::admin::{AdminError, Principal, client};
use crate::app::App;
use crate::jose::public_key_pem;
use crate::model::client::{AuthenticationMethod, Registration};
use crate::model::security::{KeySet, KeySetUri, KeySource};
use crate::web::api::Problem;
use crate::web::api::clients::client_id;
use crate::web::api::json::{Input, Output, at, created, ok};
use crate::x509::certificate::ClientCertificate;

/// The keys of a client. It has registered keys, or a `jwks_uri`, or neither.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Keys)]
pub(super) struct KeysJson {
    /// The registered keys.
    data: Vec<ClientKey>,
    /// Where the keys are fetched from.
    #[schema(required = true)]
    jwks_uri: Option<KeySetUri>,
    /// Always `null`: a client has few keys.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl From<Registration> for KeysJson {
    fn from(found: Registration) -> Self {
        let data = client::key::list(&found);
        let jwks_uri = match found.client.token.security.keys {
            Some(KeySource::Remote(uri)) => Some(uri),
            Some(KeySource::Inline(_)) | None => None,
        };
        Self { data, jwks_uri, next_cursor: None }
    }
}

/// Keys to add: exactly one of the members.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKeys, examples(json!({ "jwks_uri": "https://acme.example/jwks" })))]
pub(in crate::web) struct KeysInput {
    /// One key (RFC 7517, section 4).
    #[schema(value_type = Option<Object>)]
    jwk: Option<Value>,
    /// A key set (RFC 7517, section 5).
    #[schema(value_type = Option<Object>)]
    jwks: Option<Value>,
    /// Public keys or certificates in PEM.
    pem: Option<String>,
    /// A self-signed certificate in PEM (RFC 8705, section 2.2).
    certificate: Option<String>,
    /// An https URL of a key set.
    #[schema(value_type = Option<KeySetUri>)]
    jwks_uri: Option<String>,
}

impl KeysInput {
    /// Returns the JSON pointer of the member that is present.
    fn given(&self) -> &'static str {
        match self {
            Self { jwk: Some(_), .. } => "/jwk",
            Self { pem: Some(_), .. } => "/pem",
            Self { certificate: Some(_), .. } => "/certificate",
            Self { jwks_uri: Some(_), .. } => "/jwks_uri",
            _ => "/jwks",
        }
    }

    /// Returns the keys and their authentication method.
    ///
    /// # Errors
    /// 422 if the keys cannot be parsed.
    pub(in crate::web) fn source(self) -> Result<(KeySource, AuthenticationMethod), Problem> {
        let Self { jwk, jwks, pem, certificate, jwks_uri } = self;
        let source = match (jwk, jwks, pem, certificate, jwks_uri) {
            (Some(jwk), None, None, None, None) => inline("/jwk", &json!({ "keys": [jwk] }))?,
            (None, Some(set), None, None, None) => inline("/jwks", &set)?,
            (None, None, Some(pem), None, None) => {
                let set = public_key_pem::key_set(&pem);
                let set =
                    set.map_err(|error| Problem::member("/pem".to_owned(), error.to_string()));
                inline("/pem", &set?)?
            }
            (None, None, None, Some(pem), None) => {
                let jwk = ClientCertificate::from_pem(pem.as_bytes())
                    .and_then(|certificate| certificate.to_jwk());
                let jwk = jwk.map_err(|error| {
                    Problem::member("/certificate".to_owned(), error.to_string())
                })?;
                let source = inline("/certificate", &json!({ "keys": [jwk] }))?;
                return Ok((source, AuthenticationMethod::SelfSignedTlsClientAuth));
            }
            (None, None, None, None, Some(uri)) => {
                KeySource::Remote(at("/jwks_uri", KeySetUri::parse(&uri))?)
            }
            _ => {
                let text = "exactly one of jwk, jwks, pem, certificate and jwks_uri is expected";
                return Err(Problem::member(String::new(), text));
            }
        };
        Ok((source, AuthenticationMethod::PrivateKeyJwt))
    }
}

/// Parses a key set from the body.
pub(super) fn inline(pointer: &str, set: &Value) -> Result<KeySource, Problem> {
    Ok(KeySource::Inline(at(pointer, KeySet::parse(&set.to_string()))?))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Output<KeysJson>, Problem> {
    let found = client::show(&app.services.store, &principal, &client_id(&id)?).await?;
    Ok(ok(found.into()))
}

/// Adds keys. A key replaces the one with the same `kid`, and a `jwks_uri` replaces the previous
/// one.
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Input(input): Input<KeysInput>,
) -> Result<Output<KeysJson>, Problem> {
    let given = input.given();
    let (source, method) = input.source()?;
    let id = client_id(&id)?;
    let changed = client::key::add(&app.services, &principal, &id, source, method).await;
    let changed = changed.map_err(|error| match error {
        AdminError::Invalid { field: "keys", .. } => Problem::from(error).at(given.to_owned()),
        error => error.into(),
    })?;
    Ok(created(changed.value.into()))
}

/// Removes all keys and the `jwks_uri`.
pub(super) async fn clear(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    client::key::remove(&app.services, &principal, &client_id(&id)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes the key with a `kid` or thumbprint.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path((id, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    client::key::remove(&app.services, &principal, &client_id(&id)?, Some(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}
