//! Authorization server metadata (RFC 8414), with the members that OpenID-shaped libraries read.

use serde::Serialize;

use crate::app::App;
use crate::model::client::AuthenticationMethod;
use crate::model::signing_key::Algorithm;

/// The path of the token endpoint below the issuer.
pub const TOKEN_PATH: &str = "/v1/oauth/token";

/// The path of the key set below the issuer.
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";

/// The metadata document (RFC 8414, section 2).
#[derive(Debug, Serialize)]
pub struct Metadata {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    /// Required by RFC 8414 and empty because there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    /// Read by OpenID-shaped libraries, which refuse the document without them.
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
}

/// Writes down what this server offers at this moment.
pub fn metadata(app: &App) -> Metadata {
    let issuer = app.issuer.as_str();
    let now = app.foundation.clock.now();
    let algorithms = app.directory.keyring().algorithms(now);
    Metadata {
        issuer: issuer.to_owned(),
        token_endpoint: format!("{issuer}{TOKEN_PATH}"),
        jwks_uri: format!("{issuer}{KEY_SET_PATH}"),
        grant_types_supported: ["client_credentials"],
        token_endpoint_auth_methods_supported: AuthenticationMethod::ALL
            .map(AuthenticationMethod::as_str)
            .to_vec(),
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms
            .into_iter()
            .map(Algorithm::as_str)
            .collect(),
    }
}
