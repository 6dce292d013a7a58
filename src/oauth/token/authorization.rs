//! Step 2, authorization: decides the resource, scope, networks and lifetime of the token. A
//! rejection names what the client may request.

use std::sync::Arc;

use crate::config::{Config, TokenSettings};
use crate::directory::EffectiveGrant;
use crate::model::client::GrantType;
use crate::model::reason_code::ReasonCode;
use crate::model::remedy::OperatorAction;
use crate::model::resource::{Resource, ResourceId};
use crate::model::scope::{ScopeName, Scopes};
use crate::model::signing_key::Algorithm;
use crate::model::time::Lifetime;
use crate::model::token::TokenUse;
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::{ErrorCode, OAuthError, quote_input};
use crate::oauth::token::request::RequestedAccess;
use crate::text::suggestion;

/// Maximum number of resources or scopes that a rejection lists.
const MAX_LISTED: usize = 10;

/// Access that has been granted to a client. Only `authorize` creates it.
#[derive(Debug)]
pub struct Granted {
    client: AuthenticatedClient,
    subject: Subject,
    grant: Arc<EffectiveGrant>,
    /// The requested scopes. If `None`, all scopes of the grant.
    scope: Option<Scopes>,
    lifetime: Lifetime,
    grant_type: GrantType,
    token_use: TokenUse,
}

/// The subject of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The client itself: no user is involved (RFC 9068, section 2.2).
    Client,
}

impl Granted {
    /// Returns the client that has been granted access.
    pub fn client(&self) -> &AuthenticatedClient {
        &self.client
    }

    /// Returns the claim `sub`.
    pub fn subject(&self) -> &str {
        match self.subject {
            Subject::Client => self.client.id().as_str(),
        }
    }

    /// Returns the resource, which becomes the audience.
    pub fn resource(&self) -> &Resource {
        &self.grant.resource
    }

    /// Returns the granted scopes. May be empty.
    pub fn scope(&self) -> &Scopes {
        self.scope.as_ref().unwrap_or(&self.grant.scope)
    }

    /// Returns the granted scopes as text. May be empty.
    pub fn scope_text(&self) -> String {
        match &self.scope {
            Some(scope) => scope.to_string(),
            None => self.grant.scope_text.clone(),
        }
    }

    /// Returns the static claims: members of a JSON object without the braces.
    pub fn claims(&self) -> Option<&str> {
        self.grant.claims.as_deref()
    }

    /// Returns the grant type of the request.
    pub fn grant_type(&self) -> &GrantType {
        &self.grant_type
    }

    /// Counts a token that has been issued for this grant.
    pub(super) fn count_issued(&self, algorithm: Algorithm) {
        let client = self.client.entry();
        self.grant.issued.count(self.grant_type(), algorithm);
        if let Some(meter) = &client.meter {
            meter.count_token();
        }
    }

    /// Returns the lifetime of the token.
    pub fn lifetime(&self) -> Lifetime {
        match self.token_use {
            TokenUse::Access => self.lifetime,
            TokenUse::Test => self.lifetime.min(Lifetime::stored(TokenUse::TEST_SECONDS)),
        }
    }

    /// Returns the use of the token.
    pub fn token_use(&self) -> TokenUse {
        self.token_use
    }
}

/// Grants the requested access completely (D5), or rejects the request.
pub(super) fn authorize(
    config: &Config,
    client: AuthenticatedClient,
    grant_type: &GrantType,
    requested: &RequestedAccess,
    token_use: TokenUse,
) -> Result<Granted, OAuthError> {
    reject_other_grant_types(&client, grant_type)?;
    let scope = requested.scope.as_deref().map(Scopes::parse).transpose().map_err(|malformed| {
        OAuthError::new(ErrorCode::InvalidScope, format!("The scope is malformed: {malformed}."))
            .because(ReasonCode::MalformedScope)
    })?;
    let grants = client.entry().grants.iter().filter_map(|grant| grant.effective()).collect();
    let grant = choose(config, &client, grants, &requested.resources, scope.as_ref())?;
    if let Some(beyond) = scope.as_ref().and_then(|scope| scope.first_outside(&grant.scope)) {
        return Err(beyond_grant(&client, &grant, beyond.as_str()));
    }
    reject_from_elsewhere(&client, &grant)?;
    let lifetime = lifetime(&config.token, &client, &grant.resource);
    let grant_type = grant_type.clone();
    let subject = Subject::Client;
    Ok(Granted { client, subject, grant, scope, lifetime, grant_type, token_use })
}

fn reject_from_elsewhere(
    client: &AuthenticatedClient,
    grant: &EffectiveGrant,
) -> Result<(), OAuthError> {
    if client.is_within(&grant.networks) {
        return Ok(());
    }
    let (id, resource) = (client.id(), &grant.resource.resource);
    let sentence = format!(
        "Client {id} may not request a token for {resource} from this address. Ask your operator to permit it."
    );
    Err(OAuthError::new(ErrorCode::UnauthorizedClient, sentence)
        .because(ReasonCode::AddressNotPermitted)
        .with_remedy(OperatorAction::PermitAddressOfGrant { resource: resource.to_string() }))
}

fn reject_other_grant_types(
    client: &AuthenticatedClient,
    grant_type: &GrantType,
) -> Result<(), OAuthError> {
    let types = &client.entry().allowed.grant_types;
    if types.contains(grant_type) {
        return Ok(());
    }
    let id = client.id();
    let types = types.iter().map(GrantType::as_str).collect::<Vec<_>>().join(" ");
    Err(OAuthError::new(
        ErrorCode::UnauthorizedClient,
        format!(
            "Client {id} may not use {}. It may use: {}.",
            grant_type.as_str(),
            quote_input(&types)
        ),
    ))
}

/// Chooses the resource of the token: the requested one. If none is requested, the only granted one,
/// or the only granted one that has all requested scopes.
fn choose(
    config: &Config,
    client: &AuthenticatedClient,
    mut grants: Vec<Arc<EffectiveGrant>>,
    named: &[String],
    scope: Option<&Scopes>,
) -> Result<Arc<EffectiveGrant>, OAuthError> {
    match (named, grants.len(), scope) {
        ([name], _, _) => named_grant(config, client, &grants, name),
        ([_, _, ..], _, _) => Err(OAuthError::new(
            ErrorCode::InvalidTarget,
            "A token is for one resource. Request a separate token for each resource.",
        )
        .because(ReasonCode::ResourceNotChosen)),
        ([], 1, _) => Ok(grants.swap_remove(0)),
        ([], 0, _) => Err(OAuthError::new(
            ErrorCode::InvalidTarget,
            format!(
                "Client {} may not call any API yet. Ask your operator for a grant.",
                client.id()
            ),
        )),
        ([], _, None) => Err(several_targets(client, &grants)),
        ([], _, Some(scope)) => fitting_grant(client, grants, scope),
    }
}

/// Finds the grant for a resource by name. The URL of the management listener is an alias of
/// `urn:tokend`. Clients learn it from the metadata, which must name a URL (RFC 9728, section 3.3).
/// An audience may be more general than the requested resource (RFC 8707, section 2).
fn named_grant(
    config: &Config,
    client: &AuthenticatedClient,
    grants: &[Arc<EffectiveGrant>],
    name: &str,
) -> Result<Arc<EffectiveGrant>, OAuthError> {
    let is_named = |grant: &&Arc<EffectiveGrant>| grant.resource.resource.as_str() == name;
    let built_in = || grants.iter().find(|grant| grant.resource.resource.is_built_in());
    let found = grants
        .iter()
        .find(is_named)
        .or_else(|| built_in().filter(|_| config.management_urls().iter().any(|url| url == name)));
    found.cloned().ok_or_else(|| {
        let known: Vec<_> = grants.iter().map(|grant| grant.resource.resource.clone()).collect();
        unknown_target(client, name, &known)
    })
}

/// Finds the only grant that has all these scopes. Rejects the request if several grants have them,
/// or none.
fn fitting_grant(
    client: &AuthenticatedClient,
    grants: Vec<Arc<EffectiveGrant>>,
    scope: &Scopes,
) -> Result<Arc<EffectiveGrant>, OAuthError> {
    let is_granted = |name: &ScopeName| grants.iter().any(|grant| grant.scope.contains(name));
    if let Some(beyond) = scope.iter().find(|name| !is_granted(name)) {
        return Err(OAuthError::new(
            ErrorCode::InvalidScope,
            format!(
                "Scope '{}' is not granted to {} for any API.{}",
                quote_input(beyond.as_str()),
                client.id(),
                separators(beyond.as_str())
            ),
        ));
    }
    let (mut fitting, others): (Vec<_>, Vec<_>) =
        grants.into_iter().partition(|grant| scope.first_outside(&grant.scope).is_none());
    match fitting.len() {
        1 => Ok(fitting.swap_remove(0)),
        0 => Err(scopes_of_several(scope, &others)),
        _ => Err(several_targets(client, &fitting)),
    }
}

/// Returns the shorter lifetime of client and resource, else the default of the server. Never
/// exceeds the maximum of the server.
fn lifetime(token: &TokenSettings, client: &AuthenticatedClient, resource: &Resource) -> Lifetime {
    [client.entry().token_lifetime, resource.token_lifetime]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(token.lifetime)
        .min(token.lifetime_max)
}

fn unknown_target(client: &AuthenticatedClient, name: &str, known: &[ResourceId]) -> OAuthError {
    let id = client.id();
    let nearest = suggestion::nearest(name, known.iter().map(ToString::to_string));
    let advice = match nearest {
        Some(candidate) => format!("Did you mean {candidate}?"),
        None if known.is_empty() => "Ask your operator for a grant.".to_owned(),
        None => format!("It may call: {}.", list(known.iter().map(ResourceId::as_str), " ")),
    };
    OAuthError::new(
        ErrorCode::InvalidTarget,
        format!("No API '{}' is granted to {id}. {advice}", quote_input(name)),
    )
}

fn several_targets(client: &AuthenticatedClient, grants: &[Arc<EffectiveGrant>]) -> OAuthError {
    let choices: Vec<_> = grants
        .iter()
        .take(MAX_LISTED)
        .map(|grant| format!("resource={}", grant.resource.resource))
        .collect();
    OAuthError::new(
        ErrorCode::InvalidTarget,
        format!(
            "{} has grants for {} APIs that fit this request. Name one: {}{}",
            client.id(),
            grants.len(),
            choices.join(" or "),
            if grants.len() > MAX_LISTED { " or another." } else { "." }
        ),
    )
    .because(ReasonCode::ResourceNotChosen)
}

/// Rejects scopes that belong to several granted APIs, and lists the API of each.
fn scopes_of_several(scope: &Scopes, grants: &[Arc<EffectiveGrant>]) -> OAuthError {
    let parts: Vec<_> = scope
        .iter()
        .filter_map(|name| {
            let owner = grants.iter().find(|grant| grant.scope.contains(name))?;
            Some(format!("{name} belongs to {}", owner.resource.resource))
        })
        .collect();
    OAuthError::new(
        ErrorCode::InvalidTarget,
        format!(
            "These scopes belong to several APIs, and a token is for one: {}. Request a separate token for each API.",
            list(parts.iter().map(String::as_str), ", ")
        ),
    )
    .because(ReasonCode::ResourceNotChosen)
}

/// Returns advice for a scope name that has a separator of another protocol (RFC 6749, section
/// 3.3).
fn separators(scope: &str) -> &'static str {
    if scope.contains([',', ';', '+']) { " Separate scopes by spaces." } else { "" }
}

fn beyond_grant(client: &AuthenticatedClient, grant: &EffectiveGrant, scope: &str) -> OAuthError {
    let is_elsewhere =
        |other: &Arc<EffectiveGrant>| other.scope.iter().any(|name| name.as_str() == scope);
    let mut others = client.entry().grants.iter().filter_map(|grant| grant.effective());
    let other = others.find(is_elsewhere);
    let granted = if grant.scope.is_empty() {
        "nothing".to_owned()
    } else {
        list(grant.scope.iter().map(ScopeName::as_str), " ")
    };
    OAuthError::new(
        ErrorCode::InvalidScope,
        format!(
            "Scope '{}' is not granted to {} for {}. Granted: {granted}.{}{}",
            quote_input(scope),
            client.id(),
            grant.resource.resource,
            other.map_or_else(String::new, |other| format!(
                " It belongs to {}: request a separate token for that API.",
                other.resource.resource
            )),
            separators(scope),
        ),
    )
}

/// Returns the first names, and the number of the others.
fn list<'a>(mut names: impl Iterator<Item = &'a str>, separator: &str) -> String {
    let listed = names.by_ref().take(MAX_LISTED).collect::<Vec<_>>().join(separator);
    match names.count() {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_cut_gives_the_number_of_the_other_names() {
        assert_eq!(list(["a"; 3].into_iter(), " "), "a a a");
        assert_eq!(list(["a"; MAX_LISTED].into_iter(), " "), "a a a a a a a a a a");
        assert_eq!(list(["a"; 12].into_iter(), ","), "a,a,a,a,a,a,a,a,a,a and 2 more");
    }
}
