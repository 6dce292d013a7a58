//! Index of trusts by external issuer, and within it by exact subject.
//!
//! A request may present a token of an issuer without a client id. This index finds the trusts that
//! the token could meet without comparing the claims of each.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::directory::entry::{KeysEntry, TrustEntry};
use crate::model::client::ClientId;
use crate::model::trust::{ExternalIssuer, TrustId};

/// A trust that a token could meet.
#[derive(Debug)]
pub struct TrustCandidate {
    /// The client of the trust.
    pub client_id: ClientId,
    /// The id of the trust.
    pub trust_id: TrustId,
    /// The keys of the issuer.
    pub keys: KeysEntry,
}

/// More trusts could be met than the maximum that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyTrusts;

/// Trusts by issuer.
#[derive(Debug, Default)]
pub(super) struct IssuerIndex(RwLock<HashMap<ExternalIssuer, IssuerTrusts>>);

/// Trusts that a token could meet, by id.
pub(super) type Candidates = HashMap<TrustId, Arc<TrustCandidate>>;

#[derive(Debug, Default)]
struct IssuerTrusts {
    /// The trusts with an exact subject.
    by_subject: HashMap<Box<str>, Candidates>,
    /// The trusts with a wildcard in the subject, or without a condition on it.
    others: Candidates,
}

impl IssuerIndex {
    /// Replaces the trusts of a client.
    pub(super) fn change(&self, id: &ClientId, before: &[TrustEntry], now: &[TrustEntry]) {
        if before.is_empty() && now.is_empty() {
            return;
        }
        // The map is consistent, even if a thread panicked with the lock.
        let mut issuers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for known in before {
            let Some(trusts) = issuers.get_mut(&known.trust.issuer) else { continue };
            trusts.remove(known);
            if trusts.is_empty() {
                issuers.remove(&known.trust.issuer);
            }
        }
        for known in now {
            issuers.entry(known.trust.issuer.clone()).or_default().insert(id, known);
        }
    }

    /// Returns the trusts that a token with this issuer and subject could meet. Fails if there are
    /// more than `max`.
    pub(super) fn candidates(
        &self,
        issuer: &str,
        subject: Option<&str>,
        max: usize,
    ) -> Result<Vec<Arc<TrustCandidate>>, TooManyTrusts> {
        let Ok(issuer) = ExternalIssuer::parse(issuer) else { return Ok(Vec::new()) };
        let issuers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(trusts) = issuers.get(&issuer) else { return Ok(Vec::new()) };
        let exact = subject.and_then(|subject| trusts.by_subject.get(subject));
        let count = exact.map_or(0, HashMap::len) + trusts.others.len();
        if count > max {
            return Err(TooManyTrusts);
        }
        Ok(exact.into_iter().chain([&trusts.others]).flat_map(HashMap::values).cloned().collect())
    }
}

impl IssuerTrusts {
    fn insert(&mut self, id: &ClientId, known: &TrustEntry) {
        let trust_id = known.trust.trust_id.clone();
        let candidate = TrustCandidate {
            client_id: id.clone(),
            trust_id: trust_id.clone(),
            keys: known.keys.clone(),
        };
        let candidates = match known.trust.conditions.exact_subject() {
            Some(subject) => self.by_subject.entry(subject.into()).or_default(),
            None => &mut self.others,
        };
        candidates.insert(trust_id, Arc::new(candidate));
    }

    fn remove(&mut self, known: &TrustEntry) {
        let trust_id = &known.trust.trust_id;
        let Some(subject) = known.trust.conditions.exact_subject() else {
            self.others.remove(trust_id);
            return;
        };
        if let Some(candidates) = self.by_subject.get_mut(subject) {
            candidates.remove(trust_id);
            if candidates.is_empty() {
                self.by_subject.remove(subject);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.by_subject.is_empty() && self.others.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::jose::external_jwks::ExternalJwks;
    use crate::model::claim_pattern::Pattern;
    use crate::model::time::Timestamp;
    use crate::model::trust::{Conditions, FederatedCredential};

    fn trust(number: usize, subject: &str) -> TrustEntry {
        let pattern = Pattern::parse("sub", subject).expect("a pattern");
        let conditions = BTreeMap::from([("sub".to_owned(), pattern)]);
        TrustEntry {
            trust: FederatedCredential {
                trust_id: TrustId::parse(&format!("tru_{number}")).expect("an id"),
                issuer: ExternalIssuer::parse("https://ci.example").expect("an issuer"),
                keys: None,
                audience: "x".to_owned(),
                conditions: Conditions::new(conditions).expect("conditions"),
                created_at: Timestamp(0),
            },
            keys: KeysEntry::Inline(Arc::new(ExternalJwks::default())),
        }
    }

    /// S-5: the maximum applies to candidate trusts only, not to those with another subject.
    #[test]
    fn only_trusts_that_could_be_meant_are_found_and_no_more_than_the_bound() {
        let issuer_index = IssuerIndex::default();
        let client = |number: usize| ClientId::parse(&format!("c{number}")).expect("an id");
        for number in 0..100 {
            let exact = trust(number, &format!("repo:acme/r{number}:ref:refs/heads/main"));
            issuer_index.change(&client(number), &[], &[exact]);
        }
        let find = |subject: &str, max: usize| {
            issuer_index
                .candidates("https://ci.example", Some(subject), max)
                .map(|found| found.len())
        };
        assert_eq!(find("repo:acme/r7:ref:refs/heads/main", 1), Ok(1));
        assert_eq!(find("repo:acme/other:ref:refs/heads/main", 1), Ok(0));
        let wild = trust(100, "repo:acme/*:ref:refs/heads/main");
        issuer_index.change(&client(100), &[], std::slice::from_ref(&wild));
        assert_eq!(find("repo:acme/r7:ref:refs/heads/main", 2), Ok(2));
        assert_eq!(find("repo:acme/r7:ref:refs/heads/main", 1), Err(TooManyTrusts));
        assert_eq!(issuer_index.candidates("https://b.example", None, 1).map(|f| f.len()), Ok(0));
        issuer_index.change(&client(100), &[wild], &[]);
        for number in 0..100 {
            let exact = trust(number, &format!("repo:acme/r{number}:ref:refs/heads/main"));
            issuer_index.change(&client(number), &[exact], &[]);
        }
        assert!(issuer_index.0.read().expect("a lock").is_empty(), "nothing is left behind");
    }
}
