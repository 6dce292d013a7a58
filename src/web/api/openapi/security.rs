//! The security scheme of the document.

use utoipa::openapi::security::{ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme};

use crate::model::admin_scope::AdminScope;

pub(super) const SCHEME: &str = "tokend";

/// Describes the client credentials grant, with the scopes of `urn:tokend`.
pub(super) fn scheme(token_url: &str) -> SecurityScheme {
    let scopes = AdminScope::ALL.map(|scope| (scope.as_str(), scope.description()));
    let flow = ClientCredentials::new(token_url, Scopes::from_iter(scopes));
    let text = "A token for `resource=urn:tokend`. A client that is bound to a key or to a \
                certificate proves that with each request.";
    SecurityScheme::OAuth2(OAuth2::with_description([Flow::ClientCredentials(flow)], text))
}
