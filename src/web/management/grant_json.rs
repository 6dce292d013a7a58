//! Grants as the admin API writes and reads them.

use serde::{Deserialize, Serialize};

use crate::model::grant::{Grant, GrantedScopes};
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;
use crate::web::management::Problem;
use crate::web::management::json::at;

/// A grant. `scopes` is `null` for every scope that the resource offers.
#[derive(Debug, Serialize)]
pub(super) struct GrantJson {
    resource: ResourceId,
    scopes: Option<Scopes>,
    networks: Networks,
    claims: StaticClaims,
}

impl From<Grant> for GrantJson {
    fn from(grant: Grant) -> Self {
        let scopes = match grant.scopes {
            GrantedScopes::All => None,
            GrantedScopes::Only(scopes) => Some(scopes),
        };
        Self { resource: grant.resource, scopes, networks: grant.networks, claims: grant.claims }
    }
}

/// A grant to be given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantInput {
    resource: String,
    scopes: Option<Vec<String>>,
    #[serde(default)]
    networks: Vec<String>,
}

impl GrantInput {
    /// The grant that the body describes.
    pub(super) fn grant(self, pointer: &str) -> Result<Grant, Problem> {
        Ok(Grant {
            resource: at(&format!("{pointer}/resource"), ResourceId::parse(&self.resource))?,
            scopes: match self.scopes {
                None => GrantedScopes::All,
                Some(names) => GrantedScopes::Only(scopes(&format!("{pointer}/scopes"), &names)?),
            },
            networks: networks(&format!("{pointer}/networks"), &self.networks)?,
            claims: StaticClaims::default(),
        })
    }
}

/// A list of scopes; at least one.
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

/// A list of networks; anywhere if it is empty.
pub(super) fn networks(pointer: &str, list: &[String]) -> Result<Networks, Problem> {
    at(pointer, Networks::parse(&list.join(" ")))
}
