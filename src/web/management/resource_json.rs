//! Resources as the admin API writes and reads them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::admin::AdminError;
use crate::admin::resource::NewResource;
use crate::model::facts::Facts;
use crate::model::resource::{Resource, ResourceId, ResourceScope, SignedBefore, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::time::{Lifetime, Timestamp};
use crate::services::Services;
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
    scopes: Vec<ScopeJson>,
    token_ttl_seconds: Option<i64>,
    signing_alg: Option<&'static str>,
    token_typ: TokenTyp,
    /// `null` for a built-in resource, which was not registered.
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    /// As long as no key of `signing_alg` signs yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_alg_pending: Option<PendingAlgorithm>,
}

/// How tokens are signed until the first key of a new algorithm may sign.
#[derive(Debug, Serialize)]
struct PendingAlgorithm {
    /// The algorithm until then; `null` for the one of the server.
    until_then: Option<&'static str>,
    /// When the first key begins to sign; `null` if a server has yet to make it.
    signs_from: Option<Timestamp>,
}

impl ResourceJson {
    /// A resource, with what its signing algorithm waits for.
    pub(super) async fn read(services: &Services, resource: Resource) -> Result<Self, Problem> {
        // A new resource does not wait: its first key signs as soon as it is published.
        let waiting = resource.signed_before != SignedBefore::Never;
        let pending = match resource.signing_algorithm.filter(|_| waiting) {
            Some(algorithm) => pending(services, &resource, algorithm).await?,
            None => None,
        };
        Ok(Self { signing_alg_pending: pending, ..resource.into() })
    }
}

async fn pending(
    services: &Services,
    resource: &Resource,
    algorithm: Algorithm,
) -> Result<Option<PendingAlgorithm>, Problem> {
    let now = services.clock.now();
    let keys = services.store.signing_keys().await.map_err(AdminError::from)?;
    let mine = || keys.iter().filter(|key| key.algorithm == algorithm);
    if mine().any(|key| key.may_sign(now)) {
        return Ok(None);
    }
    let until_then = match resource.signed_before {
        SignedBefore::Own(before) => Some(before.as_str()),
        SignedBefore::Server | SignedBefore::Never => None,
    };
    let signs_from = mine().filter(|key| key.retired_at.is_none()).map(|key| key.signs_from).min();
    Ok(Some(PendingAlgorithm { until_then, signs_from }))
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
            scopes: scopes
                .map(|scope| ScopeJson { name: scope.name, description: scope.description })
                .collect(),
            token_ttl_seconds: resource.token_lifetime.map(Lifetime::seconds),
            signing_alg: resource.signing_algorithm.map(Algorithm::as_str),
            token_typ: resource.token_typ,
            created_at: registered(resource.created_at),
            updated_at: registered(resource.updated_at),
            signing_alg_pending: None,
        }
    }
}

fn registered(time: Timestamp) -> Option<Timestamp> {
    (time.0 != 0).then_some(time)
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
