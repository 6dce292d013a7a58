//! Index of trusts in SPIFFE trust domains, by exact ID and by prefix.
//!
//! A JWT-SVID does not name its client. This index finds the trusts that accept its ID, with one
//! lookup for the ID and one for each of its prefixes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::directory::entry::SpiffeTrustEntry;
use crate::directory::issuer_index::{Candidates, TooManyTrusts, TrustCandidate};
use crate::model::client::ClientId;
use crate::model::spiffe_id::{SpiffeId, SpiffeIdPattern, TrustDomain};

/// Trusts by trust domain.
#[derive(Debug, Default)]
pub(super) struct SpiffeIndex(RwLock<HashMap<TrustDomain, DomainTrusts>>);

/// Trusts in one trust domain, by ID or by prefix with a trailing slash. An ID never ends with a
/// slash, so both share a map.
#[derive(Debug, Default)]
struct DomainTrusts(HashMap<Box<str>, Candidates>);

impl SpiffeIndex {
    /// Replaces the trusts of a client.
    pub(super) fn change(
        &self,
        id: &ClientId,
        before: &[SpiffeTrustEntry],
        now: &[SpiffeTrustEntry],
    ) {
        if before.is_empty() && now.is_empty() {
            return;
        }
        // The map is consistent, even if a thread panicked with the lock.
        let mut domains = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for known in before {
            let domain = known.trust.source.trust_domain();
            let Some(trusts) = domains.get_mut(domain) else { continue };
            trusts.remove(known);
            if trusts.0.is_empty() {
                domains.remove(domain);
            }
        }
        for known in now {
            let domain = known.trust.source.trust_domain().clone();
            domains.entry(domain).or_default().insert(id, known);
        }
    }

    /// True if a client trusts this trust domain.
    pub(super) fn knows(&self, trust_domain: &TrustDomain) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(trust_domain)
    }

    /// Returns the trusts that accept this workload. Fails if there are more than `max`.
    pub(super) fn candidates(
        &self,
        id: &SpiffeId,
        max: usize,
    ) -> Result<Vec<Arc<TrustCandidate>>, TooManyTrusts> {
        let domains = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(trusts) = domains.get(id.trust_domain()) else { return Ok(Vec::new()) };
        let keys = std::iter::once(id.as_str()).chain(id.prefixes());
        let found: Vec<_> = keys.filter_map(|key| trusts.0.get(key)).collect();
        if found.iter().map(|candidates| candidates.len()).sum::<usize>() > max {
            return Err(TooManyTrusts);
        }
        Ok(found.into_iter().flat_map(HashMap::values).cloned().collect())
    }
}

/// Returns the key of a pattern in the map of its trust domain.
fn key(pattern: &SpiffeIdPattern) -> String {
    match pattern {
        SpiffeIdPattern::Exact(id) => id.as_str().to_owned(),
        SpiffeIdPattern::Below(id) => format!("{id}/"),
    }
}

impl DomainTrusts {
    fn insert(&mut self, id: &ClientId, known: &SpiffeTrustEntry) {
        let trust_id = known.trust.trust_id.clone();
        let candidate = TrustCandidate {
            client_id: id.clone(),
            trust_id: trust_id.clone(),
            keys: known.keys.clone(),
        };
        let key = key(known.trust.source.subject());
        self.0.entry(key.into()).or_default().insert(trust_id, Arc::new(candidate));
    }

    fn remove(&mut self, known: &SpiffeTrustEntry) {
        let key = key(known.trust.source.subject());
        let Some(candidates) = self.0.get_mut(key.as_str()) else { return };
        candidates.remove(&known.trust.trust_id);
        if candidates.is_empty() {
            self.0.remove(key.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::entry::KeysEntry;
    use crate::jose::external_jwks::ExternalJwks;
    use crate::model::security::KeySetUri;
    use crate::model::spiffe_trust::{SpiffeSource, SpiffeTrust};
    use crate::model::time::Timestamp;
    use crate::model::trust::TrustId;

    fn trust(number: usize, subject: &str) -> SpiffeTrustEntry {
        let subject = SpiffeIdPattern::parse(subject).expect("a pattern");
        let endpoint = KeySetUri::bundle_endpoint("https://acme.example/bundle").expect("a URL");
        let source = SpiffeSource::new(subject.trust_domain().clone(), endpoint, subject);
        SpiffeTrustEntry {
            trust: SpiffeTrust {
                trust_id: TrustId::parse(&format!("tru_{number}")).expect("an id"),
                source: source.expect("a source"),
                created_at: Timestamp(0),
            },
            keys: KeysEntry::Inline(Arc::new(ExternalJwks::default())),
        }
    }

    #[test]
    fn only_trusts_that_accept_the_id_are_found_and_no_more_than_the_bound() {
        let index = SpiffeIndex::default();
        let client = |number: usize| ClientId::parse(&format!("c{number}")).expect("an id");
        let subjects = [
            "spiffe://acme.example/ns/prod/worker",
            "spiffe://acme.example/ns/prod/*",
            "spiffe://acme.example/ns/*",
            "spiffe://acme.example/ns/production/*",
            "spiffe://acme.example/ns/prod/worker/*",
            "spiffe://acme.example/ns/prod",
            "spiffe://evil.example/ns/prod/*",
        ];
        for (number, subject) in subjects.into_iter().enumerate() {
            index.change(&client(number), &[], &[trust(number, subject)]);
        }
        let find = |id: &str, max: usize| {
            let id = SpiffeId::parse(id).expect("an id");
            index.candidates(&id, max).map(|found| {
                let mut names: Vec<_> =
                    found.iter().map(|candidate| candidate.client_id.to_string()).collect();
                names.sort();
                names.join(" ")
            })
        };
        assert_eq!(find("spiffe://acme.example/ns/prod/worker", 3), Ok("c0 c1 c2".to_owned()));
        assert_eq!(find("spiffe://acme.example/ns/prod/worker", 2), Err(TooManyTrusts));
        assert_eq!(find("spiffe://acme.example/ns/production/worker", 9), Ok("c2 c3".to_owned()));
        assert_eq!(find("spiffe://acme.example/ns/prod", 9), Ok("c2 c5".to_owned()));
        assert_eq!(find("spiffe://evil.example/ns/prod/worker", 9), Ok("c6".to_owned()));
        assert_eq!(find("spiffe://other.example/ns/prod/worker", 9), Ok(String::new()));
        assert!(index.knows(&TrustDomain::parse("evil.example").expect("a domain")));
        for (number, subject) in subjects.into_iter().enumerate() {
            index.change(&client(number), &[trust(number, subject)], &[]);
        }
        assert!(index.0.read().expect("a lock").is_empty(), "nothing is left behind");
    }
}
