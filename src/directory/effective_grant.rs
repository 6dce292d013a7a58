//! What a grant is worth now: worked out when a resource or a grant changes, not for each token.
//!
//! Many clients have the same grant, so each distinct one exists once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use crate::directory::YIELD_EVERY;
use crate::model::grant::Grant;
use crate::model::resource::{Resource, ResourceId};
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;

/// A grant, as all clients have it who have the same.
#[derive(Debug)]
pub struct GrantEntry {
    effective: ArcSwapOption<EffectiveGrant>,
    claims: TokenClaims,
}

/// The static claims of the tokens of a grant, serialized when the client or the grant changes: the
/// members of a JSON object without the braces.
#[derive(Debug, Default)]
struct TokenClaims {
    /// Those of the client, and in place of some of them those of the grant.
    merged: Option<Arc<str>>,
    /// Those of the grant alone.
    of_grant: Option<Arc<str>>,
}

/// One resource that a client may ask for, with what it may have of it.
#[derive(Debug)]
pub struct EffectiveGrant {
    /// The resource.
    pub resource: Arc<Resource>,
    /// The scopes the grant opens, as far as the resource still has them (W-15).
    pub scope: Scopes,
    /// The same as text (RFC 6749, section 3.3); empty if there is none.
    pub scope_text: String,
    /// Where the grant may be used from.
    pub networks: Networks,
    /// The static claims of its tokens: members of a JSON object without the braces.
    pub claims: Option<Arc<str>>,
}

impl GrantEntry {
    /// What the grant is worth now; nothing if its resource is gone.
    pub fn effective(&self) -> Option<Arc<EffectiveGrant>> {
        self.effective.load_full()
    }
}

/// The resources of a directory.
pub type Resources = BTreeMap<ResourceId, Arc<Resource>>;

/// Every distinct grant.
#[derive(Debug, Default)]
pub(super) struct GrantInterner(Mutex<HashMap<GrantKey, Arc<GrantEntry>>>);

/// Everything that the entry of a grant depends on, apart from the resources.
#[derive(Debug, PartialEq, Eq, Hash)]
struct GrantKey {
    grant: Grant,
    /// The static claims of the client as JSON.
    client_claims: Option<Arc<str>>,
}

impl GrantInterner {
    /// Works every grant out anew, after the resources have changed.
    pub(super) async fn renew(&self, resources: &Resources) {
        let mut grants = self.0.lock().await;
        // A grant that no client has any more is known here alone.
        grants.retain(|_, entry| Arc::strong_count(entry) > 1);
        for (count, (key, entry)) in grants.iter().enumerate() {
            if count % YIELD_EVERY == YIELD_EVERY - 1 {
                // Each client with claims of its own has grants of its own.
                tokio::task::yield_now().await;
            }
            entry.effective.store(effective(resources, &key.grant, &entry.claims));
        }
    }

    /// The entries of a client's grants.
    pub(super) async fn entries(
        &self,
        grants: Vec<Grant>,
        client_claims: &StaticClaims,
        resources: &Resources,
    ) -> Box<[Arc<GrantEntry>]> {
        let json: Option<Arc<str>> =
            (!client_claims.is_empty()).then(|| client_claims.json().into());
        let mut known = self.0.lock().await;
        let mut entry = |grant: Grant| {
            let key = GrantKey { grant, client_claims: json.clone() };
            if let Some(entry) = known.get(&key) {
                return entry.clone();
            }
            let claims = TokenClaims::of(client_claims, &key.grant.claims);
            let effective = ArcSwapOption::new(effective(resources, &key.grant, &claims));
            let entry = Arc::new(GrantEntry { effective, claims });
            known.insert(key, entry.clone());
            entry
        };
        grants.into_iter().map(&mut entry).collect()
    }
}

impl TokenClaims {
    fn of(client: &StaticClaims, grant: &StaticClaims) -> Self {
        let shared = |claims: &StaticClaims| -> Option<Arc<str>> {
            (!claims.is_empty()).then(|| claims.members().into())
        };
        let of_grant = shared(grant);
        let merged =
            if client.is_empty() { of_grant.clone() } else { shared(&client.merged(grant)) };
        Self { merged, of_grant }
    }
}

/// The static claims that tokens for a resource have. A resource of another owner gets only what
/// was approved with the grant: otherwise one team could write roles into the tokens for the API of
/// another team. A resource without an owner gets all.
fn claims_for(
    resource_owner: Option<&str>,
    client_owner: Option<&str>,
    claims: &TokenClaims,
) -> Option<Arc<str>> {
    if resource_owner.is_none() || resource_owner == client_owner {
        claims.merged.clone()
    } else {
        claims.of_grant.clone()
    }
}

fn effective(
    resources: &Resources,
    grant: &Grant,
    claims: &TokenClaims,
) -> Option<Arc<EffectiveGrant>> {
    let resource = resources.get(&grant.resource)?.clone();
    let scope = grant.scopes.within(&resource.scope_names());
    let scope_text = scope.to_string();
    let networks = grant.networks.clone();
    // Clients and resources have no owner in this memory.
    let claims = claims_for(None, None, claims);
    Some(Arc::new(EffectiveGrant { resource, scope, scope_text, networks, claims }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> StaticClaims {
        StaticClaims::parse(json).expect("claims")
    }

    #[test]
    fn a_resource_of_another_owner_gets_the_claims_of_the_grant_alone() {
        let client = claims(r#"{"tenant":"acme","roles":["admin"]}"#);
        let both = TokenClaims::of(&client, &claims(r#"{"roles":["reader"]}"#));
        let merged = Some(r#""roles":["reader"],"tenant":"acme""#);
        let approved = Some(r#""roles":["reader"]"#);
        for (resource, client, expected) in [
            (None, None, merged),
            (None, Some("a"), merged),
            (Some("a"), Some("a"), merged),
            (Some("a"), Some("b"), approved),
            (Some("a"), None, approved),
        ] {
            let found = claims_for(resource, client, &both);
            assert_eq!(found.as_deref(), expected, "{resource:?} {client:?}");
        }
        let nothing = TokenClaims::of(&client, &claims("{}"));
        assert_eq!(claims_for(Some("a"), Some("b"), &nothing), None);
    }
}
