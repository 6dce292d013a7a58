//! The JSON format of resources in the admin API.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::admin::AdminError;
use crate::admin::resource::{NewResource, ResourceUpdate};
use crate::model::facts::{Contact, Description, Facts};
use crate::model::key_timeline::signing_key;
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId, ResourceScope, SignedBefore, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::source::SourceName;
use crate::model::time::{Lifetime, Timestamp};
use crate::services::Services;
use crate::web::api::Problem;
use crate::web::api::facts_json::FactsMembers;
use crate::web::api::json::{at, lifetime, list};
use crate::web::api::member::{Member, Omitted};
use crate::web::api::read_only::ReadOnlyMembers;

/// A resource.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Resource)]
pub(super) struct ResourceJson {
    /// The identifier: an absolute URI. It becomes the `aud` of tokens.
    resource: ResourceId,
    #[serde(flatten)]
    facts: Facts,
    /// The source that the object is applied from. Other edits need `Tokend-Force: true`.
    #[schema(required = true)]
    source: Option<SourceName>,
    /// The scopes that the resource offers.
    scopes: Vec<ScopeJson>,
    /// The lifetime of tokens; the setting of the server if `null`.
    #[schema(required = true)]
    token_ttl_seconds: Option<i64>,
    /// The algorithm that tokens are signed with; the setting of the server if `null`.
    #[schema(value_type = Option<Algorithm>, required = true)]
    signing_alg: Option<&'static str>,
    /// The `typ` in the header of tokens.
    token_typ: TokenTyp,
    /// When the object was created; `null` for a built-in resource, which was not registered.
    #[schema(required = true)]
    created_at: Option<Timestamp>,
    /// When the object was last changed.
    #[schema(required = true)]
    updated_at: Option<Timestamp>,
    /// Present while no key of `signing_alg` signs yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    signing_alg_pending: Option<PendingAlgorithm>,
}

/// How tokens are signed until the first key of a new algorithm may sign.
#[derive(Debug, Serialize, ToSchema)]
struct PendingAlgorithm {
    /// The algorithm until then; `null` for the one of the server.
    #[schema(value_type = Option<Algorithm>, required = true)]
    until_then: Option<&'static str>,
    /// When the first key begins to sign; `null` until a server has created it.
    #[schema(required = true)]
    signs_from: Option<Timestamp>,
}

impl ResourceJson {
    /// Converts a resource, including its pending signing algorithm.
    pub(super) async fn read(services: &Services, resource: Resource) -> Result<Self, Problem> {
        // A new resource does not wait, because its first key signs as soon as it is published.
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
    if signing_key(&keys, algorithm, now).is_some() {
        return Ok(None);
    }
    let until_then = match resource.signed_before {
        SignedBefore::Own(before) => Some(before.as_str()),
        SignedBefore::Server | SignedBefore::Never => None,
    };
    let waiting = keys.iter().filter(|key| key.algorithm == algorithm && !key.is_ended());
    let signs_from = waiting.map(|key| key.signs_from).min();
    Ok(Some(PendingAlgorithm { until_then, signs_from }))
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ResourceScope)]
struct ScopeJson {
    /// The scope.
    name: ScopeName,
    /// What it permits, for people; may be empty.
    #[schema(examples("Read orders"))]
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
            created_at: registered(resource.created_at),
            updated_at: registered(resource.updated_at),
            signing_alg_pending: None,
        }
    }
}

fn registered(time: Timestamp) -> Option<Timestamp> {
    (time.0 != 0).then_some(time)
}

/// A resource as callers write it: the body of POST, PUT and PATCH, with the members of a response.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResourceInput, examples(json!({ "resource": "https://orders.example.com", "owner": "orders", "scopes": [{ "name": "orders:read", "description": "Read orders" }] })))]
pub(super) struct ResourceDocument {
    /// The identifier: an absolute URI. It becomes the `aud` of tokens.
    #[schema(value_type = Option<ResourceId>)]
    resource: Option<String>,
    /// The team that the object belongs to. Without one it belongs to unlimited administrators.
    #[serde(default)]
    #[schema(value_type = Option<Owner>)]
    owner: Member<String>,
    /// What the object is for.
    #[serde(default)]
    #[schema(value_type = Option<Description>)]
    description: Member<String>,
    /// How to reach the team.
    #[serde(default)]
    #[schema(value_type = Option<Contact>)]
    contact: Member<String>,
    /// Keys with values, for selection. In a PATCH, `null` removes one label.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    labels: Member<BTreeMap<String, Option<String>>>,
    /// The scopes that the resource offers.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ScopeInput>>)]
    scopes: Member<Vec<ScopeInput>>,
    /// In a PATCH only: scopes to add, or to describe differently.
    #[serde(default)]
    #[schema(value_type = Vec<ScopeInput>, required = false)]
    add_scopes: Vec<ScopeInput>,
    /// In a PATCH only: scopes to remove.
    #[serde(default)]
    #[schema(value_type = Vec<ScopeName>, required = false)]
    remove_scopes: Vec<String>,
    /// The lifetime of tokens; the setting of the server if `null`.
    #[serde(default)]
    #[schema(value_type = Option<Lifetime>)]
    token_ttl_seconds: Member<i64>,
    /// The algorithm that tokens are signed with; the setting of the server if `null`.
    #[serde(default)]
    #[schema(value_type = Option<Algorithm>)]
    signing_alg: Member<String>,
    /// The `typ` in the header of tokens.
    #[serde(default)]
    #[schema(value_type = Option<TokenTyp>)]
    token_typ: Member<String>,
    /// The source that the object is applied from. Other edits need `Tokend-Force: true`.
    #[serde(default)]
    #[schema(value_type = Option<SourceName>, read_only)]
    source: Member<Value>,
    /// When the object was created.
    #[serde(default)]
    #[schema(value_type = Option<Timestamp>, read_only)]
    created_at: Member<Value>,
    /// When the object was last changed.
    #[serde(default)]
    #[schema(value_type = Option<Timestamp>, read_only)]
    updated_at: Member<Value>,
    /// Ignored: it changes by itself.
    #[serde(rename = "signing_alg_pending", default)]
    #[schema(value_type = Option<Object>, read_only)]
    _signing_alg_pending: Member<Value>,
}

/// A scope: its name, and what it is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResourceScopeInput)]
struct ScopeInput {
    /// The scope.
    name: String,
    /// What it permits, for people; at most 200 characters.
    #[serde(default)]
    description: String,
}

impl ResourceDocument {
    /// Converts the body of a POST to a resource.
    pub(super) fn new_resource(mut self) -> Result<NewResource, Problem> {
        self.take_read_only().check(&Value::Null)?;
        let Some(id) = &self.resource else {
            let text = "resource is missing: an absolute URI, such as https://orders.example.com";
            return Err(Problem::member("/resource".to_owned(), text));
        };
        let id = at("/resource", ResourceId::parse(id))?;
        let update = self.update(&id, Omitted::HasDefault)?;
        Ok(update.into_new(id)?)
    }

    /// Converts the body to an update of the resource `id`.
    pub(super) fn update(
        self,
        id: &ResourceId,
        omitted: Omitted,
    ) -> Result<ResourceUpdate, Problem> {
        if self.resource.is_some_and(|given| given != id.as_str()) {
            let text = format!("resource is read-only: the path names {id}; leave it out");
            return Err(Problem::member("/resource".to_owned(), text));
        }
        let (add, remove) = (self.add_scopes, self.remove_scopes);
        check_edits(&self.scopes, !add.is_empty() || !remove.is_empty(), omitted)?;
        let facts = FactsMembers {
            owner: self.owner,
            description: self.description,
            contact: self.contact,
            labels: self.labels,
        };
        let typ = self.token_typ;
        Ok(ResourceUpdate {
            scopes: self.scopes.read(omitted, |inputs| scopes("/scopes", inputs))?,
            add: scopes("/add_scopes", add)?,
            remove: list("/remove_scopes", &remove, ScopeName::parse)?,
            token_lifetime: self
                .token_ttl_seconds
                .read(omitted, |seconds| lifetime("/token_ttl_seconds", seconds))?,
            signing_algorithm: self.signing_alg.text(omitted, "/signing_alg", Algorithm::parse)?,
            token_typ: typ.read(omitted, |text| at("/token_typ", TokenTyp::parse(&text)))?,
            facts: facts.update(omitted)?,
            ..ResourceUpdate::default()
        })
    }

    /// Takes the read-only members.
    pub(super) fn take_read_only(&mut self) -> ReadOnlyMembers {
        let mut members = ReadOnlyMembers::default();
        members.add("source", std::mem::take(&mut self.source));
        members.add("created_at", std::mem::take(&mut self.created_at));
        members.add("updated_at", std::mem::take(&mut self.updated_at));
        members
    }
}

/// Rejects `add_scopes` and `remove_scopes` next to `scopes`, and outside of a PATCH.
fn check_edits(
    scopes: &Member<Vec<ScopeInput>>,
    has_edits: bool,
    omitted: Omitted,
) -> Result<(), Problem> {
    match (scopes, omitted) {
        _ if !has_edits => Ok(()),
        (Member::Absent, Omitted::Stays) => Ok(()),
        _ => {
            let text = "scopes names all scopes; add_scopes and remove_scopes are only for a PATCH";
            Err(Problem::member("/scopes".to_owned(), text))
        }
    }
}

fn scopes(pointer: &str, inputs: Vec<ScopeInput>) -> Result<Vec<ResourceScope>, Problem> {
    let (mut read, mut names) = (Vec::with_capacity(inputs.len()), BTreeSet::new());
    for (index, scope) in inputs.into_iter().enumerate() {
        // The parser expects `name=description`, as on the command line.
        let text = match scope.description.as_str() {
            "" => scope.name,
            description => format!("{}={description}", scope.name),
        };
        let pointer = format!("{pointer}/{index}");
        let scope: ResourceScope = at(&pointer, ResourceScope::parse(&text))?;
        if !names.insert(scope.name.clone()) {
            return Err(Problem::member(pointer, format!("{} is given twice", scope.name)));
        }
        read.push(scope);
    }
    Ok(read)
}
