//! Resources as the admin API writes and reads them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::admin::resource::NewResource;
use crate::model::facts::Facts;
use crate::model::resource::{Resource, ResourceId, ResourceScope, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::source::SourceName;
use crate::model::time::{Lifetime, Timestamp};
use crate::web::management::Problem;
use crate::web::management::client_json::lifetime;
use crate::web::management::facts_json::FactsInput;
use crate::web::management::json::at;

/// A resource.
#[derive(Debug, Serialize)]
pub(super) struct ResourceJson {
    resource: ResourceId,
    #[serde(flatten)]
    facts: Facts,
    source: Option<SourceName>,
    scopes: Vec<ScopeJson>,
    token_ttl_seconds: Option<i64>,
    signing_alg: Option<&'static str>,
    token_typ: TokenTyp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct ScopeJson {
    name: ScopeName,
    description: String,
}

impl From<Resource> for ResourceJson {
    fn from(resource: Resource) -> Self {
        let scopes = resource.scopes.into_iter();
        Self {
            resource: resource.resource,
            facts: resource.facts,
            source: resource.source,
            scopes: scopes
                .map(|scope| ScopeJson { name: scope.name, description: scope.description })
                .collect(),
            token_ttl_seconds: resource.token_lifetime.map(Lifetime::seconds),
            signing_alg: resource.signing_algorithm.map(Algorithm::as_str),
            token_typ: resource.token_typ,
            created_at: resource.created_at,
            updated_at: resource.updated_at,
        }
    }
}

/// A resource to be created.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceInput {
    resource: String,
    owner: Option<String>,
    description: Option<String>,
    contact: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    scopes: Vec<ScopeInput>,
    token_ttl_seconds: Option<i64>,
    signing_alg: Option<String>,
    token_typ: Option<String>,
}

/// A scope: its name, or its name with a description.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeInput {
    name: String,
    #[serde(default)]
    description: String,
}

impl ResourceInput {
    /// The resource that the body describes.
    pub(super) fn new_resource(self) -> Result<NewResource, Problem> {
        let (owner, description) = (self.owner, self.description);
        let facts = FactsInput { owner, description, contact: self.contact, labels: self.labels };
        let algorithm = self.signing_alg.map(|text| at("/signing_alg", Algorithm::parse(&text)));
        let typ = self.token_typ.map(|text| at("/token_typ", TokenTyp::parse(&text)));
        let scopes = self.scopes.into_iter().enumerate().map(|(index, scope)| {
            // The description follows the name behind an equals sign, as on the command line.
            let text = match scope.description.as_str() {
                "" => scope.name,
                description => format!("{}={description}", scope.name),
            };
            at(&format!("/scopes/{index}"), ResourceScope::parse(&text))
        });
        Ok(NewResource {
            resource: at("/resource", ResourceId::parse(&self.resource))?,
            scopes: scopes.collect::<Result<_, _>>()?,
            token_lifetime: lifetime("/token_ttl_seconds", self.token_ttl_seconds)?,
            signing_algorithm: algorithm.transpose()?,
            facts: facts.facts()?,
            token_typ: typ.transpose()?.unwrap_or_default(),
        })
    }
}
