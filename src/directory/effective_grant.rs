//! The current effect of a grant. It is computed when a resource or a grant changes, not for each
//! token.
//!
//! Many clients have the same grant, so each distinct grant is stored once.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use crate::directory::YIELD_EVERY;
use crate::directory::interner::Interner;
use crate::model::Malformed;
use crate::model::grant::HeldGrant;
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId};
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;
use crate::telemetry::metrics::issued::{IssuedForResource, IssuedTokens};

/// A distinct grant, shared by all clients that have it.
#[derive(Debug)]
pub struct GrantEntry {
    effective: ArcSwapOption<EffectiveGrant>,
    claims: TokenClaims,
    pub(super) key: Arc<GrantKey>,
}

/// Static claims of the tokens of a grant, serialized when the client or the grant changes: the
/// members of a JSON object without the braces.
#[derive(Debug, Default)]
struct TokenClaims {
    /// The claims of the client, overridden by those of the grant.
    merged: Option<Arc<str>>,
    /// The claims of the grant only.
    of_grant: Option<Arc<str>>,
}

/// A resource for which a client may request tokens, with the access that is granted.
#[derive(Debug)]
pub struct EffectiveGrant {
    /// The resource.
    pub resource: Arc<Resource>,
    /// The granted scopes that the resource still has (W-15).
    pub scope: Scopes,
    /// The scopes as text (RFC 6749, section 3.3). Empty if there are none.
    pub scope_text: String,
    /// The networks from which the grant may be used.
    pub networks: Networks,
    /// The static claims of its tokens: members of a JSON object without the braces.
    pub claims: Option<Arc<str>>,
    /// Counts the tokens for the resource.
    pub issued: Arc<IssuedForResource>,
}

impl GrantEntry {
    /// Returns the current effect of the grant; `None` if its resource no longer exists.
    pub fn effective(&self) -> Option<Arc<EffectiveGrant>> {
        self.effective.load_full()
    }
}

/// The resources of a directory.
pub type Resources = BTreeMap<ResourceId, Arc<Resource>>;

/// All distinct grants.
#[derive(Debug, Default)]
pub(super) struct GrantInterner {
    /// A change of a client with its own claims leaves grants that no client has.
    known: Mutex<KnownGrants>,
    issued: Arc<IssuedTokens>,
}

type KnownGrants = Interner<Arc<GrantKey>, GrantEntry>;

/// Everything on which the entry of a grant depends, except the resources.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct GrantKey {
    pub(super) held: HeldGrant,
    /// `None` for a client without static claims.
    pub(super) client: Option<Arc<ClientClaims>>,
}

/// Static claims of a client, and its owner, which decides which resources receive them. Most
/// clients have no claims, so the owners of most clients are not in memory.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientClaims {
    pub(super) json: Box<str>,
    pub(super) owner: Option<Owner>,
}

impl GrantInterner {
    /// Creates an empty interner. Tokens for the resources of grants are counted in `issued`.
    pub(super) fn new(issued: Arc<IssuedTokens>) -> Self {
        Self { known: Mutex::default(), issued }
    }

    /// Recomputes every grant, after the resources have changed.
    pub(super) async fn renew(&self, resources: &Resources) {
        let mut known = self.known.lock().await;
        known.sweep();
        for (count, (key, entry)) in known.iter().enumerate() {
            if count % YIELD_EVERY == YIELD_EVERY - 1 {
                // Each client with its own claims has its own grants.
                tokio::task::yield_now().await;
            }
            entry.effective.store(effective(resources, key, &entry.claims, &self.issued));
        }
    }

    /// Returns the entries of a client's grants.
    pub(super) async fn entries(
        &self,
        grants: Vec<HeldGrant>,
        client_claims: &StaticClaims,
        owner: Option<&Owner>,
        resources: &Resources,
    ) -> Box<[Arc<GrantEntry>]> {
        let client = (!client_claims.is_empty()).then(|| {
            Arc::new(ClientClaims { json: client_claims.json().into(), owner: owner.cloned() })
        });
        let mut known = self.known.lock().await;
        let mut entry = |held: HeldGrant| {
            let key = GrantKey { held, client: client.clone() };
            self.intern(&mut known, key, client_claims, resources)
        };
        grants.into_iter().map(&mut entry).collect()
    }

    /// Returns the entry of a grant from a snapshot. It may block, so it is for a blocking thread.
    ///
    /// # Errors
    /// If the claims of the client cannot be parsed.
    pub(super) fn restored(
        &self,
        key: GrantKey,
        resources: &Resources,
    ) -> Result<Arc<GrantEntry>, Malformed> {
        let claims = key.client.as_ref().map(|client| StaticClaims::stored(&client.json));
        let claims = claims.transpose()?.unwrap_or_default();
        Ok(self.intern(&mut self.known.blocking_lock(), key, &claims, resources))
    }

    /// Returns the shared entry of a grant.
    fn intern(
        &self,
        known: &mut KnownGrants,
        key: GrantKey,
        client_claims: &StaticClaims,
        resources: &Resources,
    ) -> Arc<GrantEntry> {
        if let Some(entry) = known.get(&key) {
            return entry;
        }
        let claims = TokenClaims::of(client_claims, &key.held.grant.claims);
        let effective = ArcSwapOption::new(effective(resources, &key, &claims, &self.issued));
        let key = Arc::new(key);
        let entry = Arc::new(GrantEntry { effective, claims, key: key.clone() });
        known.insert(key, entry.clone());
        entry
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

/// Returns the static claims of tokens for a resource. A resource of another owner receives only
/// the claims that were approved with the grant. Otherwise one team could write roles into the
/// tokens for the API of another team. A resource without an owner receives all claims, unless an
/// approved grant request named its claims. The approvers have seen the claims of the grant, and
/// not those of the client.
fn claims_for(
    resource_owner: Option<&Owner>,
    client_owner: Option<&Owner>,
    is_approved: bool,
    claims: &TokenClaims,
) -> Option<Arc<str>> {
    let has_same_owner = resource_owner == client_owner;
    if has_same_owner || (resource_owner.is_none() && !is_approved) {
        claims.merged.clone()
    } else {
        claims.of_grant.clone()
    }
}

fn effective(
    resources: &Resources,
    key: &GrantKey,
    claims: &TokenClaims,
    issued: &IssuedTokens,
) -> Option<Arc<EffectiveGrant>> {
    let HeldGrant { grant, is_approved } = &key.held;
    let resource = resources.get(&grant.resource)?.clone();
    let scope = grant.scopes.within(&resource.scope_names());
    let scope_text = scope.to_string();
    let networks = grant.networks.clone();
    let client_owner = key.client.as_ref().and_then(|client| client.owner.as_ref());
    let claims = claims_for(resource.facts.owner.as_ref(), client_owner, *is_approved, claims);
    let issued = issued.of_resource(resource.resource.as_str());
    Some(Arc::new(EffectiveGrant { resource, scope, scope_text, networks, claims, issued }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::interner::MIN_SWEEP_LEN;
    use crate::model::grant::{Grant, GrantedScopes};

    fn claims(json: &str) -> StaticClaims {
        StaticClaims::parse(json).expect("claims")
    }

    #[test]
    fn a_resource_of_another_owner_gets_the_claims_of_the_grant_alone() {
        let client = claims(r#"{"tenant":"acme","roles":["admin"]}"#);
        let both = TokenClaims::of(&client, &claims(r#"{"roles":["reader"]}"#));
        let merged = Some(r#""roles":["reader"],"tenant":"acme""#);
        let approved = Some(r#""roles":["reader"]"#);
        for (resource, client, is_approved, expected) in [
            (None, None, false, merged),
            (None, None, true, merged),
            (None, Some("a"), false, merged),
            (None, Some("a"), true, approved),
            (Some("a"), Some("a"), false, merged),
            (Some("a"), Some("a"), true, merged),
            (Some("a"), Some("b"), false, approved),
            (Some("a"), Some("b"), true, approved),
            (Some("a"), None, false, approved),
        ] {
            let owner = |name: Option<&str>| name.map(Owner::stored);
            let (resource, client) = (owner(resource), owner(client));
            let found = claims_for(resource.as_ref(), client.as_ref(), is_approved, &both);
            assert_eq!(found.as_deref(), expected, "{resource:?} {client:?} {is_approved}");
        }
        let nothing = TokenClaims::of(&client, &claims("{}"));
        assert_eq!(claims_for(Some(&Owner::stored("a")), None, false, &nothing), None);
    }

    /// A client that changes its claims repeatedly leaves no grants behind.
    #[tokio::test]
    async fn grants_that_no_client_has_are_dropped() {
        let interner = GrantInterner::default();
        let grant = Grant {
            resource: ResourceId::parse("https://a.example").expect("a resource"),
            scopes: GrantedScopes::All,
            networks: Networks::default(),
            claims: StaticClaims::default(),
        };
        let grant = HeldGrant { grant, is_approved: false };
        let resources = Resources::default();
        let mut held = Vec::new();
        for number in 0..1_000 {
            let client = claims(&format!("{{\"n\":{number}}}"));
            held = vec![interner.entries(vec![grant.clone()], &client, None, &resources).await];
        }
        assert!(interner.known.lock().await.len() <= 2 * MIN_SWEEP_LEN);
        let same = interner.entries(vec![grant], &claims("{\"n\":999}"), None, &resources).await;
        assert!(Arc::ptr_eq(&held[0][0], &same[0]), "the same grant exists once");
    }
}
