//! Metadata of the admin API as a protected resource (RFC 9728): tells a caller where to get a
//! token.

use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::signing_key::Algorithm;

/// The path of the metadata on the management listener (RFC 9728, section 3).
pub const RESOURCE_METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// The metadata document (RFC 9728, section 2).
#[derive(Debug, Serialize, ToSchema)]
pub struct ResourceMetadata {
    /// The URL of the listener, because a client rejects any other value (RFC 9728, section
    /// 3.3). The token endpoint takes it for `urn:tokend`, which is not a URL.
    #[schema(examples("https://admin.example.com"))]
    resource: String,
    /// The issuer.
    #[schema(value_type = Vec<String>, examples("https://auth.example.com"))]
    authorization_servers: [String; 1],
    /// The scopes of `urn:tokend`.
    #[schema(value_type = Vec<String>, examples("clients:read"))]
    scopes_supported: [&'static str; AdminScope::ALL.len()],
    /// `header`: a token is never in the URL.
    #[schema(value_type = Vec<String>, examples("header"))]
    bearer_methods_supported: [&'static str; 1],
    /// The algorithms of DPoP proofs.
    #[schema(value_type = Vec<String>, examples("ES256"))]
    dpop_signing_alg_values_supported: [&'static str; Algorithm::ALL.len()],
    /// Whether a proxy can present client certificates, so that bound tokens work.
    tls_client_certificate_bound_access_tokens: bool,
    /// The name for people.
    #[schema(examples("tokend admin API"))]
    resource_name: &'static str,
}

/// Returns the metadata of the admin API; `None` if the management listener has no URL.
pub fn resource_metadata(app: &App) -> Option<ResourceMetadata> {
    let config = &app.services.config;
    Some(ResourceMetadata {
        resource: config.management_url()?,
        authorization_servers: [app.issuer.as_str().to_owned()],
        scopes_supported: AdminScope::ALL.map(AdminScope::as_str),
        bearer_methods_supported: ["header"],
        dpop_signing_alg_values_supported: Algorithm::ALL.map(Algorithm::as_str),
        // The listener does not terminate TLS, so only a trusted proxy can present a certificate.
        tls_client_certificate_bound_access_tokens: !app
            .services
            .live
            .load()
            .trusted_proxies
            .is_empty(),
        resource_name: "tokend admin API",
    })
}

/// Returns the URL of the metadata, which each challenge includes (RFC 9728, section 5.1).
pub fn resource_metadata_url(app: &App) -> Option<String> {
    let url = app.services.config.management_url()?;
    Some(format!("{url}{RESOURCE_METADATA_PATH}"))
}
