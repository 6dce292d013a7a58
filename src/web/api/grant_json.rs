//! The JSON format of grants in the admin API.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::admin::client::claims::ClaimsChange;
use crate::admin::{AdminError, InvalidValue};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::security::Networks;
use crate::model::static_claims::{ClaimsError, ClaimsPatch, StaticClaims};
use crate::web::api::Problem;
use crate::web::api::json::at;
use crate::web::api::problem_places::pointer_of_claim;
use crate::web::api::secrets::problem_of_secret;

/// A grant. `scopes` is `null` for every scope that the resource offers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Grant)]
pub(super) struct GrantJson {
    /// The resource.
    resource: ResourceId,
    /// The scopes; `null` for all that the resource offers.
    #[schema(required = true)]
    scopes: Option<Scopes>,
    /// The networks from which the grant may be used.
    networks: Networks,
    /// Claims for tokens of this resource. They replace claims of the client with the same name.
    claims: StaticClaims,
}

impl From<Grant> for GrantJson {
    fn from(grant: Grant) -> Self {
        let scopes = grant.scopes.into_named();
        Self { resource: grant.resource, scopes, networks: grant.networks, claims: grant.claims }
    }
}

/// A complete grant. `scopes` is `null` or absent for every scope that the resource
/// offers; networks and claims are none if they are absent.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "resource": "https://orders.example.com", "scopes": ["orders:read"] })))]
pub(super) struct GrantInput {
    /// The resource. The path names it for a single grant.
    #[schema(value_type = Option<ResourceId>)]
    resource: Option<String>,
    /// The scopes; all that the resource offers if absent or `null`.
    #[schema(value_type = Option<Vec<ScopeName>>, min_items = 1)]
    scopes: Option<Vec<String>>,
    /// The networks from which the grant may be used; anywhere if absent.
    #[schema(value_type = Option<Networks>)]
    networks: Option<Vec<String>>,
    /// Claims for tokens of this resource.
    #[schema(value_type = Option<StaticClaims>)]
    claims: Option<Box<RawValue>>,
}

impl GrantInput {
    /// Converts a member of a body to a grant.
    fn grant(self, pointer: &str) -> Result<Grant, Problem> {
        let at_resource = format!("{pointer}/resource");
        let Some(resource) = &self.resource else {
            return Err(Problem::member(at_resource, "resource is missing: the id of a resource"));
        };
        let resource = at(&at_resource, ResourceId::parse(resource))?;
        self.of_resource(resource, pointer)
    }

    /// Converts the body to a grant of the resource in the path.
    pub(super) fn grant_to(self, resource: ResourceId) -> Result<Grant, Problem> {
        if self.resource.as_ref().is_some_and(|given| given != resource.as_str()) {
            let text = format!("resource is read-only: the path names {resource}; leave it out");
            return Err(Problem::member("/resource".to_owned(), text));
        }
        self.of_resource(resource, "")
    }

    fn of_resource(self, resource: ResourceId, pointer: &str) -> Result<Grant, Problem> {
        let networks_text = self.networks.unwrap_or_default();
        let claims = self.claims.map(|raw| claims(&format!("{pointer}/claims"), &raw));
        Ok(Grant {
            resource,
            scopes: match self.scopes {
                None => GrantedScopes::All,
                Some(names) => GrantedScopes::Only(scopes(&format!("{pointer}/scopes"), &names)?),
            },
            networks: networks(&format!("{pointer}/networks"), &networks_text)?,
            claims: claims.transpose()?.unwrap_or_default(),
        })
    }
}

/// Converts the grants of a client. Each resource may have one.
pub(super) fn grants(inputs: Vec<GrantInput>) -> Result<Vec<Grant>, Problem> {
    let mut grants: Vec<Grant> = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.into_iter().enumerate() {
        let pointer = format!("/grants/{index}");
        let grant = input.grant(&pointer)?;
        if grants.iter().any(|known| known.resource == grant.resource) {
            let text = format!("duplicate grant to {}", grant.resource);
            return Err(Problem::member(format!("{pointer}/resource"), text));
        }
        grants.push(grant);
    }
    Ok(grants)
}

/// Returns the problem of a client, placed at the grant that caused it.
pub(super) fn problem_of_client(error: AdminError, grants: &[Grant]) -> Problem {
    let about = |resource: &ResourceId| grants.iter().position(|it| it.resource == *resource);
    let index = match &error {
        AdminError::Invalid { problem: InvalidValue::ScopeNotOffered { resource, .. }, .. } => {
            about(resource)
        }
        _ => None,
    };
    let problem = problem_of_secret(error);
    match index {
        Some(index) => problem.at(format!("/grants/{index}/scopes")),
        None => problem,
    }
}

/// Parses static claims from their original text, so that duplicate names are found.
pub(super) fn claims(pointer: &str, raw: &RawValue) -> Result<StaticClaims, Problem> {
    StaticClaims::parse(raw.get()).map_err(|error| problem_of_claims(pointer, error))
}

/// Parses a merge patch of static claims (RFC 7396) from its original text.
pub(super) fn claims_patch(raw: &RawValue) -> Result<ClaimsChange, Problem> {
    let patch = ClaimsPatch::parse(raw.get());
    Ok(ClaimsChange::Merge(patch.map_err(|error| problem_of_claims("/claims", error))?))
}

fn problem_of_claims(pointer: &str, error: ClaimsError) -> Problem {
    let pointer = pointer_of_claim(pointer, &error);
    Problem::from(AdminError::from(error)).at(pointer)
}

/// Parses a list of scopes, which must not be empty.
pub(super) fn scopes(pointer: &str, names: &[String]) -> Result<Scopes, Problem> {
    let scopes = names.iter().enumerate();
    let scopes = scopes
        .map(|(index, name)| at(&format!("{pointer}/{index}"), ScopeName::parse(name)))
        .collect::<Result<Scopes, _>>()?;
    if scopes.is_empty() || scopes.len() > Scopes::MAX_COUNT {
        let count = Scopes::MAX_COUNT;
        return Err(Problem::member(pointer.to_owned(), format!("1 to {count} scopes")));
    }
    Ok(scopes)
}

/// Parses a list of networks. An empty list allows any address.
pub(super) fn networks(pointer: &str, list: &[String]) -> Result<Networks, Problem> {
    at(pointer, Networks::parse(&list.join(" ")))
}
