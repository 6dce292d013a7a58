//! Which clients trust which foreign issuer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::client::ClientId;
use crate::model::trust::ForeignIssuer;

/// The clients that trust each issuer.
#[derive(Debug, Default)]
pub(super) struct Trusting(Mutex<BTreeMap<ForeignIssuer, Arc<BTreeSet<ClientId>>>>);

impl Trusting {
    /// Notes whom a client trusts now, and trusted before.
    pub(super) fn change<'a>(
        &self,
        id: &ClientId,
        before: impl Iterator<Item = &'a ForeignIssuer>,
        now: impl Iterator<Item = &'a ForeignIssuer>,
    ) {
        let (mut before, mut now) = (before.peekable(), now.peekable());
        if before.peek().is_none() && now.peek().is_none() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for issuer in before {
            if let Some(clients) = known.get_mut(issuer) {
                Arc::make_mut(clients).remove(id);
                if clients.is_empty() {
                    known.remove(issuer);
                }
            }
        }
        for issuer in now {
            Arc::make_mut(known.entry(issuer.clone()).or_default()).insert(id.clone());
        }
    }

    /// The clients that trust an issuer, at most so many.
    pub(super) fn of(&self, issuer: &str, most: usize) -> Vec<ClientId> {
        let Ok(issuer) = ForeignIssuer::parse(issuer) else { return Vec::new() };
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&issuer).cloned();
        known.iter().flat_map(|clients| clients.iter()).take(most).cloned().collect()
    }
}
