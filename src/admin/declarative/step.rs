//! The steps of a plan, and their form for people and programs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::admin::difference::Difference;
use crate::admin::owner::change::Stated;
use crate::admin::secret::NewSecret;
use crate::model::client::Registration;
use crate::model::resource::Resource;

/// A resource to create or change.
#[derive(Debug)]
pub(super) struct ResourceStep {
    pub(super) before: Option<Resource>,
    pub(super) desired: Resource,
    pub(super) difference: Difference,
    /// The grants that end because the owner of the resource changes.
    pub(super) losses: Vec<String>,
}

/// A client to create or change.
#[derive(Debug)]
pub(super) struct ClientStep {
    pub(super) before: Option<Registration>,
    /// The desired state. It still has the parts that a change of the owner removes.
    pub(super) desired: Registration,
    pub(super) stated: Stated,
    pub(super) secret: Option<NewSecret>,
    /// `None` if only a secret is new.
    pub(super) difference: Option<Difference>,
}

/// An object to delete.
#[derive(Debug)]
pub(super) enum DeletionStep {
    Client(Box<Registration>),
    Resource {
        resource: Box<Resource>,
        /// The clients that lose a grant, and their last use.
        losses: Vec<String>,
    },
}

/// What happens to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlannedAction {
    /// It is new.
    Create,
    /// It exists and differs.
    Update,
    /// It is no longer declared.
    Delete,
}

/// One change of a plan.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({ "action": "update", "kind": "client", "id": "acme", "source": "customers", "gets_secret": false, "was": { "claims": {} }, "is": { "claims": { "tenant": "acme" } } })))]
pub struct PlannedChange {
    /// What happens.
    pub action: PlannedAction,
    /// `client` or `resource`.
    #[schema(examples("client"))]
    pub kind: String,
    /// The identifier.
    #[schema(examples("acme"))]
    pub id: String,
    /// The source that it is applied from.
    #[schema(required = true, examples("customers"))]
    pub source: Option<String>,
    /// True if a secret is generated for it.
    pub gets_secret: bool,
    /// The members that differ, as they were; `null` for a new object.
    #[schema(value_type = Option<Object>, required = true)]
    pub was: Value,
    /// The members that differ, as they will be; `null` for an object that is deleted.
    #[schema(value_type = Option<Object>, required = true)]
    pub is: Value,
    /// What ends with an object that is deleted, or with the owner of a resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<String>,
}

impl ResourceStep {
    pub(super) fn change(&self) -> PlannedChange {
        let (was, is) = sides(self.before.is_some(), Some(&self.difference));
        PlannedChange {
            action: action(self.before.is_some()),
            kind: "resource".to_owned(),
            id: self.desired.resource.to_string(),
            source: self.desired.source.as_ref().map(ToString::to_string),
            gets_secret: false,
            was,
            is,
            losses: self.losses.clone(),
        }
    }
}

impl ClientStep {
    pub(super) fn change(&self) -> PlannedChange {
        let (was, is) = sides(self.before.is_some(), self.difference.as_ref());
        PlannedChange {
            action: action(self.before.is_some()),
            kind: "client".to_owned(),
            id: self.desired.client.client_id.to_string(),
            source: self.desired.client.source.as_ref().map(ToString::to_string),
            gets_secret: self.secret.is_some(),
            was,
            is,
            losses: Vec::new(),
        }
    }
}

impl DeletionStep {
    pub(super) fn change(&self) -> PlannedChange {
        let (kind, id, source, was, losses) = match self {
            Self::Client(found) => {
                let client = &found.client;
                let (id, source) = (client.client_id.to_string(), client.source.clone());
                let was = json!({ "name": client.name, "state": client.state });
                ("client", id, source, was, super::deletions::losses_of_client(found))
            }
            Self::Resource { resource, losses } => {
                let (id, source) = (resource.resource.to_string(), resource.source.clone());
                let was = json!({ "scopes": resource.scope_names() });
                ("resource", id, source, was, losses.clone())
            }
        };
        let source = source.map(|source| source.to_string());
        let (action, kind) = (PlannedAction::Delete, kind.to_owned());
        let (gets_secret, is) = (false, Value::Null);
        PlannedChange { action, kind, id, source, gets_secret, was, is, losses }
    }
}

fn action(exists: bool) -> PlannedAction {
    if exists { PlannedAction::Update } else { PlannedAction::Create }
}

/// Returns the members that differ, before and after the change.
fn sides(exists: bool, difference: Option<&Difference>) -> (Value, Value) {
    let (mut was, mut is) = (Map::new(), Map::new());
    for (name, before, after) in difference.into_iter().flat_map(Difference::members) {
        was.insert(name.to_owned(), before.clone());
        is.insert(name.to_owned(), after.clone());
    }
    (if exists { Value::Object(was) } else { Value::Null }, Value::Object(is))
}
