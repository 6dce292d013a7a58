//! Grants: which scopes of which resource a client may ask for.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;

/// What a grant opens of its resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GrantedScopes {
    /// Every scope that the resource has when a token is requested.
    All,
    /// These, as far as the resource still has them.
    Only(Scopes),
}

impl GrantedScopes {
    /// The scopes by name; `None` for every scope of the resource.
    pub fn into_named(self) -> Option<Scopes> {
        match self {
            Self::All => None,
            Self::Only(scopes) => Some(scopes),
        }
    }

    /// The scopes that the grant gives of a resource that now offers `offered` (W-15: a scope
    /// that was taken from the resource is gone from every grant at once).
    pub fn within(&self, offered: &Scopes) -> Scopes {
        match self {
            Self::All => offered.clone(),
            Self::Only(scopes) => scopes.intersection(offered),
        }
    }
}

/// A list of scopes, or `"all"`.
impl Serialize for GrantedScopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Only(scopes) => scopes.serialize(serializer),
        }
    }
}

impl Grant {
    /// The scopes, networks and claims as JSON. A grant of all scopes also lists those that the
    /// resource offers at present.
    pub fn with_offered(&self, offered: &Scopes) -> Value {
        let mut value =
            json!({ "scopes": self.scopes, "networks": self.networks, "claims": self.claims });
        if self.scopes == GrantedScopes::All {
            value["includes"] = json!(offered);
        }
        value
    }
}

/// A grant as a client holds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeldGrant {
    /// The grant.
    pub grant: Grant,
    /// True if it came from an approved grant request. Its claims are then all that was approved,
    /// until the grant is taken away.
    pub is_approved: bool,
}

/// A client's right to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Grant {
    /// The resource, which becomes the token's audience.
    pub resource: ResourceId,
    /// What is open of it.
    pub scopes: GrantedScopes,
    /// Where it may be used from.
    #[serde(skip_serializing_if = "Networks::is_anywhere")]
    pub networks: Networks,
    /// The claims of its tokens, each in place of the one of the client.
    pub claims: StaticClaims,
}
