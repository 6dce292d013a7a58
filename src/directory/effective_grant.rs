//! The present effect of a grant: computed when a resource or a grant changes, not for each token.
//!
//! Many clients have the same grant, so each distinct one exists once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use crate::directory::YIELD_EVERY;
use crate::model::Malformed;
use crate::model::grant::HeldGrant;
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId};
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;
use crate::telemetry::metrics::issued::{IssuedForResource, IssuedTokens};

/// A grant, as all clients have it who have the same.
#[derive(Debug)]
pub struct GrantEntry {
    effective: ArcSwapOption<EffectiveGrant>,
    claims: TokenClaims,
    pub(super) key: Arc<GrantKey>,
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
    /// Counts the tokens for the resource.
    pub issued: Arc<IssuedForResource>,
}

impl GrantEntry {
    /// The present effect of the grant; nothing if its resource no longer exists.
    pub fn effective(&self) -> Option<Arc<EffectiveGrant>> {
        self.effective.load_full()
    }
}

/// The resources of a directory.
pub type Resources = BTreeMap<ResourceId, Arc<Resource>>;

/// From this number of grants on, unused ones are looked for.
const MIN_SWEEP: usize = 64;

/// Every distinct grant.
#[derive(Debug, Default)]
pub(super) struct GrantInterner {
    known: Mutex<KnownGrants>,
    issued: Arc<IssuedTokens>,
}

#[derive(Debug, Default)]
struct KnownGrants {
    entries: HashMap<Arc<GrantKey>, Arc<GrantEntry>>,
    /// The number of entries from which on they are swept.
    sweep_at: usize,
}

impl KnownGrants {
    /// Drops the grants that no client has. Each change of a client with claims of its own
    /// leaves one.
    fn sweep(&mut self) {
        self.entries.retain(|_, entry| Arc::strong_count(entry) > 1);
        self.sweep_at = MIN_SWEEP.max(self.entries.len() * 2);
    }
}

/// Everything that the entry of a grant depends on, apart from the resources.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct GrantKey {
    pub(super) held: HeldGrant,
    /// `None` for a client without static claims.
    pub(super) client: Option<Arc<ClientClaims>>,
}

/// The static claims of a client, and the owner, who decides which resources get them. Most clients
/// have none, so the owners of most clients are not in memory.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientClaims {
    pub(super) json: Box<str>,
    pub(super) owner: Option<Owner>,
}

impl GrantInterner {
    /// No grants yet; the tokens for their resources are counted in `issued`.
    pub(super) fn new(issued: Arc<IssuedTokens>) -> Self {
        Self { known: Mutex::default(), issued }
    }

    /// Computes every grant again, after the resources have changed.
    pub(super) async fn renew(&self, resources: &Resources) {
        let mut known = self.known.lock().await;
        known.sweep();
        for (count, (key, entry)) in known.entries.iter().enumerate() {
            if count % YIELD_EVERY == YIELD_EVERY - 1 {
                // Each client with claims of its own has grants of its own.
                tokio::task::yield_now().await;
            }
            entry.effective.store(effective(resources, key, &entry.claims, &self.issued));
        }
    }

    /// The entries of a client's grants.
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
            self.entry(&mut known, key, client_claims, resources)
        };
        grants.into_iter().map(&mut entry).collect()
    }

    /// The entry of a grant of a snapshot. For a thread that may block.
    ///
    /// # Errors
    /// If the claims of the client cannot be read.
    pub(super) fn restored(
        &self,
        key: GrantKey,
        resources: &Resources,
    ) -> Result<Arc<GrantEntry>, Malformed> {
        let claims = key.client.as_ref().map(|client| StaticClaims::stored(&client.json));
        let claims = claims.transpose()?.unwrap_or_default();
        Ok(self.entry(&mut self.known.blocking_lock(), key, &claims, resources))
    }

    /// The one entry of a grant.
    fn entry(
        &self,
        known: &mut KnownGrants,
        key: GrantKey,
        client_claims: &StaticClaims,
        resources: &Resources,
    ) -> Arc<GrantEntry> {
        if let Some(entry) = known.entries.get(&key) {
            return entry.clone();
        }
        if known.entries.len() >= known.sweep_at.max(MIN_SWEEP) {
            known.sweep();
        }
        let claims = TokenClaims::of(client_claims, &key.held.grant.claims);
        let effective = ArcSwapOption::new(effective(resources, &key, &claims, &self.issued));
        let key = Arc::new(key);
        let entry = Arc::new(GrantEntry { effective, claims, key: key.clone() });
        known.entries.insert(key, entry.clone());
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

/// The static claims that tokens for a resource have. A resource of another owner gets only what
/// was approved with the grant: otherwise one team could write roles into the tokens for the API of
/// another team. A resource without an owner gets all, unless a grant request named what it gets:
/// then those who approved it have seen the claims of the grant, and not those of the client.
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

    /// A client that changes its claims again and again leaves nothing behind.
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
        assert!(interner.known.lock().await.entries.len() <= 2 * MIN_SWEEP);
        let same = interner.entries(vec![grant], &claims("{\"n\":999}"), None, &resources).await;
        assert!(Arc::ptr_eq(&held[0][0], &same[0]), "the same grant exists once");
    }
}
