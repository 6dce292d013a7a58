//! Resources as the admin API writes and reads them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::admin::resource::{NewResource, ResourceUpdate};
use crate::model::facts::{Contact, Description, Facts};
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId, ResourceScope, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::source::SourceName;
use crate::model::time::{Lifetime, Timestamp};
use crate::web::management::Problem;
use crate::web::management::facts_json::FactsMembers;
use crate::web::management::json::{at, lifetime};
use crate::web::management::member::{Member, Omitted};
use crate::web::management::read_only::ReadOnlyMembers;

/// A resource.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Resource)]
pub(super) struct ResourceJson {
    /// The identifier: an absolute URI. It becomes the `aud` of tokens.
    resource: ResourceId,
    #[serde(flatten)]
    facts: Facts,
    /// The source that the object is applied from. Other edits need `Tokend-Force: true`.
    source: Option<SourceName>,
    /// The scopes that the resource offers.
    scopes: Vec<ScopeJson>,
    /// How long tokens live; the setting of the server if `null`.
    token_ttl_seconds: Option<i64>,
    /// The algorithm that tokens are signed with; the setting of the server if `null`.
    #[schema(value_type = Option<Algorithm>)]
    signing_alg: Option<&'static str>,
    /// The `typ` in the header of tokens.
    token_typ: TokenTyp,
    /// When the object was created.
    created_at: Timestamp,
    /// When the object was last changed.
    updated_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ResourceScope)]
struct ScopeJson {
    /// The scope.
    name: ScopeName,
    /// What it permits, for people; may be empty.
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

/// A resource as callers write it: the body of POST, PUT and PATCH, with every member of an answer.
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
    /// Where the people of the team are reached.
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
    /// How long tokens live; the setting of the server if `null`.
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
    /// The resource that the body of a POST describes.
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

    /// What the body changes about the resource `id`.
    pub(super) fn update(
        self,
        id: &ResourceId,
        omitted: Omitted,
    ) -> Result<ResourceUpdate, Problem> {
        if self.resource.is_some_and(|given| given != id.as_str()) {
            let text = format!("resource is read-only: the path names {id}; leave it out");
            return Err(Problem::member("/resource".to_owned(), text));
        }
        let facts = FactsMembers {
            owner: self.owner,
            description: self.description,
            contact: self.contact,
            labels: self.labels,
        };
        let typ = self.token_typ;
        Ok(ResourceUpdate {
            scopes: self.scopes.read(omitted, scopes)?,
            token_lifetime: self
                .token_ttl_seconds
                .read(omitted, |seconds| lifetime("/token_ttl_seconds", seconds))?,
            signing_algorithm: self.signing_alg.text(omitted, "/signing_alg", Algorithm::parse)?,
            token_typ: typ.read(omitted, |text| at("/token_typ", TokenTyp::parse(&text)))?,
            facts: facts.update(omitted)?,
            ..ResourceUpdate::default()
        })
    }

    /// Takes out the members that the server writes.
    pub(super) fn take_read_only(&mut self) -> ReadOnlyMembers {
        let mut members = ReadOnlyMembers::default();
        members.add("source", std::mem::take(&mut self.source));
        members.add("created_at", std::mem::take(&mut self.created_at));
        members.add("updated_at", std::mem::take(&mut self.updated_at));
        members
    }
}

fn scopes(inputs: Vec<ScopeInput>) -> Result<Vec<ResourceScope>, Problem> {
    let inputs = inputs.into_iter().enumerate();
    inputs
        .map(|(index, scope)| {
            // The description follows the name behind an equals sign, as on the command line.
            let text = match scope.description.as_str() {
                "" => scope.name,
                description => format!("{}={description}", scope.name),
            };
            at(&format!("/scopes/{index}"), ResourceScope::parse(&text))
        })
        .collect()
}
