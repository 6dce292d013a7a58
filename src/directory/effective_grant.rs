//! What a grant is worth now: worked out when a resource or a grant changes, not for each token.
//!
//! Many clients have the same grant, so each distinct one exists once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use crate::model::grant::Grant;
use crate::model::resource::{Resource, ResourceId};
use crate::model::scope::Scopes;
use crate::model::security::Networks;

/// A grant, as all clients have it who have the same.
#[derive(Debug)]
pub struct GrantEntry {
    effective: ArcSwapOption<EffectiveGrant>,
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
pub(super) struct GrantInterner(Mutex<HashMap<Grant, Arc<GrantEntry>>>);

impl GrantInterner {
    /// Works every grant out anew, after the resources have changed.
    pub(super) async fn renew(&self, resources: &Resources) {
        let mut grants = self.0.lock().await;
        // A grant that no client has any more is known here alone.
        grants.retain(|_, entry| Arc::strong_count(entry) > 1);
        for (grant, entry) in grants.iter() {
            entry.effective.store(effective(resources, grant));
        }
    }

    /// The entries of a client's grants.
    pub(super) async fn entries(
        &self,
        grants: Vec<Grant>,
        resources: &Resources,
    ) -> Box<[Arc<GrantEntry>]> {
        let mut known = self.0.lock().await;
        let mut entry = |grant: Grant| {
            if let Some(entry) = known.get(&grant) {
                return entry.clone();
            }
            let effective = ArcSwapOption::new(effective(resources, &grant));
            let entry = Arc::new(GrantEntry { effective });
            known.insert(grant, entry.clone());
            entry
        };
        grants.into_iter().map(&mut entry).collect()
    }
}

fn effective(resources: &Resources, grant: &Grant) -> Option<Arc<EffectiveGrant>> {
    let resource = resources.get(&grant.resource)?.clone();
    let scope = grant.scopes.within(&resource.scope_names());
    let scope_text = scope.to_string();
    let networks = grant.networks.clone();
    Some(Arc::new(EffectiveGrant { resource, scope, scope_text, networks }))
}
