//! Authorization server metadata (RFC 8414), with members that OpenID Connect libraries require.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::app::App;
use crate::model::client::{AuthenticationMethod, GrantType};
use crate::model::public_path::{
    AUTHORIZATION_PATH, CHECK_PATH, INTROSPECTION_PATH, KEY_SET_PATH, REVOCATION_LIST_PATH,
    REVOCATION_PATH, TOKEN_PATH,
};
use crate::model::signing_key::Algorithm;

/// The metadata document (RFC 8414, section 2).
#[derive(Debug, Serialize)]
pub struct ServerMetadata {
    issuer: String,
    /// Libraries reject the document without this and the next member, even for grants that use
    /// neither. The endpoint rejects every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_challenge_methods_supported: Option<[&'static str; 1]>,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    /// Not registered: the URL of the signed revocation list.
    revocation_list_uri: String,
    /// Not registered: the URL at which gateways have tokens checked.
    check_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    dpop_signing_alg_values_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_client_certificate_bound_access_tokens: Option<bool>,
    /// The URLs of the endpoints for clients with certificates (RFC 8705, section 5).
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls_endpoint_aliases: Option<BTreeMap<&'static str, String>>,
    /// Required by RFC 8414. Empty, because the authorization endpoint supports no response type.
    response_types_supported: [&'static str; 0],
    /// This and the next member are required by OpenID Connect libraries.
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
}

/// True if the server can receive client certificates: it terminates TLS itself, or has a trusted
/// proxy.
fn takes_certificates(app: &App) -> bool {
    let services = &app.services;
    services.config.tls.is_some() || !services.live.load().trusted_proxies.is_empty()
}

/// Returns the current metadata of this server.
pub fn metadata(app: &App) -> ServerMetadata {
    let issuer = app.issuer.as_str();
    let now = app.services.clock.now();
    let algorithms = app.directory.keyring().algorithms(now);
    let at = |path: &str| format!("{issuer}{path}");
    let takes_certificates = takes_certificates(app);
    let methods: Vec<_> = AuthenticationMethod::ALL
        .into_iter()
        .filter(|method| match method {
            // Without a root CA, no chain is valid.
            AuthenticationMethod::TlsClientAuth => {
                takes_certificates && app.services.client_ca.is_some()
            }
            AuthenticationMethod::SelfSignedTlsClientAuth => takes_certificates,
            _ => true,
        })
        .map(AuthenticationMethod::as_str)
        .collect();
    let has_authorization_endpoint = app.services.config.metadata.authorization_endpoint;
    // Algorithms that clients may use for assertions: all supported ones.
    let signatures: Vec<_> = Algorithm::ALL.into_iter().map(Algorithm::as_str).collect();
    ServerMetadata {
        issuer: issuer.to_owned(),
        authorization_endpoint: has_authorization_endpoint.then(|| at(AUTHORIZATION_PATH)),
        code_challenge_methods_supported: has_authorization_endpoint.then_some(["S256"]),
        token_endpoint: at(TOKEN_PATH),
        introspection_endpoint: at(INTROSPECTION_PATH),
        revocation_endpoint: at(REVOCATION_PATH),
        revocation_list_uri: at(REVOCATION_LIST_PATH),
        check_endpoint: at(CHECK_PATH),
        jwks_uri: at(KEY_SET_PATH),
        grant_types_supported: ["client_credentials", GrantType::JWT_BEARER],
        token_endpoint_auth_methods_supported: methods.clone(),
        token_endpoint_auth_signing_alg_values_supported: signatures.clone(),
        introspection_endpoint_auth_methods_supported: methods.clone(),
        introspection_endpoint_auth_signing_alg_values_supported: signatures.clone(),
        revocation_endpoint_auth_methods_supported: methods,
        revocation_endpoint_auth_signing_alg_values_supported: signatures.clone(),
        dpop_signing_alg_values_supported: signatures,
        tls_client_certificate_bound_access_tokens: takes_certificates.then_some(true),
        mtls_endpoint_aliases: takes_certificates.then(|| {
            let mtls_url = app.services.config.mtls_url.as_ref().unwrap_or(&app.issuer).as_str();
            let endpoints = [
                ("token_endpoint", TOKEN_PATH),
                ("introspection_endpoint", INTROSPECTION_PATH),
                ("revocation_endpoint", REVOCATION_PATH),
            ];
            endpoints.map(|(name, path)| (name, format!("{mtls_url}{path}"))).into()
        }),
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms
            .into_iter()
            .map(Algorithm::as_str)
            .collect(),
    }
}
