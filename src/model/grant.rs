//! Grants: the scopes of a resource that a client may request.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;

/// The scopes of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GrantedScopes {
    /// All scopes that the resource has when a token is requested.
    All,
    /// These scopes, if the resource still has them.
    Only(Scopes),
}

impl GrantedScopes {
    /// Returns the named scopes; `None` for all scopes of the resource.
    pub fn into_named(self) -> Option<Scopes> {
        match self {
            Self::All => None,
            Self::Only(scopes) => Some(scopes),
        }
    }

    /// Returns the scopes of the grant for a resource that currently offers `offered`. W-15: a
    /// scope that was removed from the resource disappears from every grant immediately.
    pub fn within(&self, offered: &Scopes) -> Scopes {
        match self {
            Self::All => offered.clone(),
            Self::Only(scopes) => scopes.intersection(offered),
        }
    }
}

/// Serializes a list of scopes, or `"all"`.
impl Serialize for GrantedScopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Only(scopes) => scopes.serialize(serializer),
        }
    }
}

impl Grant {
    /// Returns the scopes, networks and claims as JSON. A grant of all scopes also lists the scopes
    /// that the resource currently offers.
    pub fn with_offered(&self, offered: &Scopes) -> Value {
        let mut value =
            json!({ "scopes": self.scopes, "networks": self.networks, "claims": self.claims });
        if self.scopes == GrantedScopes::All {
            value["includes"] = json!(offered);
        }
        value
    }
}

/// A grant that a client holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeldGrant {
    /// The grant.
    pub grant: Grant,
    /// True if the grant came from an approved grant request. Its claims are then exactly the
    /// approved ones until the grant is deleted.
    pub is_approved: bool,
}

/// The right of a client to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Grant {
    /// The resource, which becomes the token's audience.
    pub resource: ResourceId,
    /// The granted scopes.
    pub scopes: GrantedScopes,
    /// The networks from which the grant may be used.
    #[serde(skip_serializing_if = "Networks::is_anywhere")]
    pub networks: Networks,
    /// The claims of tokens for this resource. They override the client's claims of the same name.
    pub claims: StaticClaims,
}
