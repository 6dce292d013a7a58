//! Token introspection (RFC 7662).

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::app::App;
use crate::jose::jwt::AccessTokenClaims;
use crate::model::resource::ResourceId;
use crate::model::static_claims;
use crate::oauth::client_authentication::{self, AuthenticatedClient, AuthenticationPurpose};
use crate::oauth::error::OAuthError;
use crate::oauth::token::mint::token_type;
use crate::oauth::token_query::TokenQuery;
use crate::oauth::token_validation;

/// The scope that allows a client to introspect the tokens of a resource. Granted on the server
/// itself, it covers the tokens of all resources.
const SCOPE: &str = "introspect";

/// The answer (RFC 7662, section 2.2).
#[derive(Debug)]
pub enum Introspection {
    /// The token is active. Contains its claims.
    Active(Box<AccessTokenClaims>),
    /// The token is not active, or the caller may not introspect it. The answer has no other
    /// member.
    Inactive,
}

/// Answers an introspection request: authenticates the caller, validates the token, and checks that
/// the caller may introspect it. Also returns the authenticated client.
pub async fn introspect(
    app: &App,
    query: &TokenQuery,
) -> Result<(AuthenticatedClient, Introspection), OAuthError> {
    let purpose = AuthenticationPurpose::Other;
    let client = client_authentication::authenticate(app, &query.caller, purpose).await?;
    let claims =
        token_validation::validate_access_token(app, &query.token, app.services.clock.now())
            .filter(|claims| is_authorized_to_introspect(&client, claims));
    app.metrics.count_introspection(claims.is_some());
    let answer = claims.map_or(Introspection::Inactive, |mut claims| {
        // The members of the answer are reserved names, so static claims of the same name are
        // removed.
        claims.static_claims.retain(|name, _| !static_claims::is_of_the_server(name));
        Introspection::Active(Box::new(claims))
    });
    Ok((client, answer))
}

/// True for the client of the token, and for a client with the scope on its audience or on the
/// server (RFC 7662, section 4).
fn is_authorized_to_introspect(client: &AuthenticatedClient, claims: &AccessTokenClaims) -> bool {
    let is_own = client.id().as_str() == claims.client_id;
    let concerns = |resource: &str| resource == claims.aud || resource == ResourceId::SERVER;
    let mut grants = client.entry().grants.iter().filter_map(|grant| grant.effective());
    is_own
        || grants.any(|grant| {
            concerns(grant.resource.resource.as_str())
                && grant.scope.iter().any(|scope| scope.as_str() == SCOPE)
                && client.is_within(&grant.networks)
        })
}

impl Serialize for Introspection {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// The answer of an active token: its members in addition to the claims.
        #[derive(Serialize)]
        struct Answer<'a> {
            active: bool,
            token_type: &'static str,
            #[serde(flatten)]
            claims: &'a AccessTokenClaims,
        }
        match self {
            Self::Active(claims) => {
                let token_type = token_type(claims.cnf.as_ref());
                Answer { active: true, token_type, claims }.serialize(serializer)
            }
            Self::Inactive => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("active", &false)?;
                map.end()
            }
        }
    }
}
