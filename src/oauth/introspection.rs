//! Token introspection (RFC 7662).

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::app::App;
use crate::jose::jwt::AccessTokenClaims;
use crate::model::resource::ResourceId;
use crate::model::static_claims;
use crate::oauth::client_authentication::{self, AuthenticatedClient, RateScope};
use crate::oauth::error::OAuthError;
use crate::oauth::token::mint::token_type;
use crate::oauth::token::request::TokenQuery;
use crate::oauth::token_validation;

/// The scope that lets a client introspect the tokens of a resource; held on the server itself,
/// those of all resources.
const SCOPE: &str = "introspect";

/// The answer (RFC 7662, section 2.2).
#[derive(Debug)]
pub enum Introspection {
    /// The token is active: its claims.
    Active(Box<AccessTokenClaims>),
    /// It is not active, or the caller may not introspect it: the answer has no other member.
    Inactive,
}

/// Answers an introspection request: authenticate, check the token, and tell whom it concerns. Gives
/// the client that asks as well.
pub async fn introspect(
    app: &App,
    query: &TokenQuery,
) -> Result<(AuthenticatedClient, Introspection), OAuthError> {
    let client =
        client_authentication::authenticate(app, &query.caller, RateScope::Assertion).await?;
    let claims =
        token_validation::validate_access_token(app, &query.token, app.services.clock.now())
            .filter(|claims| is_authorized_to_introspect(&client, claims));
    app.metrics.count_introspection(claims.is_some());
    let answer = claims.map_or(Introspection::Inactive, |mut claims| {
        // The members of the answer itself are reserved names. This holds for any token.
        claims.static_claims.retain(|name, _| !static_claims::is_of_the_server(name));
        Introspection::Active(Box::new(claims))
    });
    Ok((client, answer))
}

/// True for the token's own client, and for a client that holds the scope on its audience or on the
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
        /// The members next to the claims.
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
