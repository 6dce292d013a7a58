//! Values that many clients share, in the format of a snapshot: grants and allowed methods.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::directory::effective_grant::{ClientClaims, GrantKey};
use crate::directory::entry::AllowedMethods;
use crate::directory::snapshot::SnapshotError;
use crate::model::client::{AuthenticationMethod, GrantType};
use crate::model::grant::{Grant, GrantedScopes, HeldGrant};
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GrantRecord<'a> {
    resource: &'a str,
    /// Separated by spaces. `None` means all scopes.
    scopes: Option<Cow<'a, str>>,
    networks: Cow<'a, str>,
    /// JSON. `None` means no claims.
    claims: Option<Cow<'a, str>>,
    is_approved: bool,
    #[serde(borrow)]
    client: Option<ClaimsRecord<'a>>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ClaimsRecord<'a> {
    json: &'a str,
    owner: Option<&'a str>,
}

impl<'a> GrantRecord<'a> {
    pub(super) fn of(key: &'a GrantKey) -> Self {
        let HeldGrant { grant, is_approved } = &key.held;
        let scopes = match &grant.scopes {
            GrantedScopes::All => None,
            GrantedScopes::Only(scopes) => Some(scopes.to_string().into()),
        };
        let claims = |claims: &'a Arc<ClientClaims>| ClaimsRecord {
            json: &claims.json,
            owner: claims.owner.as_ref().map(Owner::as_str),
        };
        Self {
            resource: grant.resource.as_str(),
            scopes,
            networks: grant.networks.to_string().into(),
            claims: (!grant.claims.is_empty()).then(|| grant.claims.json().into()),
            is_approved: *is_approved,
            client: key.client.as_ref().map(claims),
        }
    }

    pub(super) fn restore(self) -> Result<GrantKey, SnapshotError> {
        let claims = self.claims.as_deref().map(StaticClaims::stored).transpose()?;
        let scopes = match self.scopes {
            None => GrantedScopes::All,
            Some(scopes) => GrantedScopes::Only(Scopes::stored(&scopes)),
        };
        let grant = Grant {
            resource: ResourceId::parse(self.resource)?,
            scopes,
            networks: Networks::stored(&self.networks)?,
            claims: claims.unwrap_or_default(),
        };
        let client = self.client.map(|client| {
            Arc::new(ClientClaims {
                json: client.json.into(),
                owner: client.owner.map(Owner::stored),
            })
        });
        Ok(GrantKey { held: HeldGrant { grant, is_approved: self.is_approved }, client })
    }
}

/// Methods by which clients may request a token.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AllowedRecord<'a> {
    #[serde(borrow)]
    auth_methods: Vec<&'a str>,
    grant_types: Vec<&'a str>,
}

impl<'a> AllowedRecord<'a> {
    pub(super) fn of(allowed: &'a AllowedMethods) -> Self {
        Self {
            auth_methods: allowed.auth_methods.iter().map(|method| method.as_str()).collect(),
            grant_types: allowed.grant_types.iter().map(GrantType::as_str).collect(),
        }
    }

    pub(super) fn restore(self) -> Result<AllowedMethods, SnapshotError> {
        let auth_methods = self.auth_methods.into_iter().map(AuthenticationMethod::parse);
        Ok(AllowedMethods {
            auth_methods: auth_methods.collect::<Result<_, _>>()?,
            grant_types: self.grant_types.into_iter().map(GrantType::stored).collect(),
        })
    }
}
