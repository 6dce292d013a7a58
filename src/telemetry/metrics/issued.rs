//! Issued tokens by resource, grant type and algorithm. A grant holds the counters of its resource,
//! which are resolved when resources and grants are loaded. A token request only increments them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::client::GrantType;
use crate::model::signing_key::Algorithm;
use crate::telemetry::metrics::definitions::TOKENS_ISSUED;
use crate::telemetry::metrics::http::OTHER;
use crate::telemetry::metrics::writer::Writer;

/// The maximum number of resources with their own label value. Further ones share one.
const MAX_RESOURCES: usize = 500;

/// The grant types that yield tokens.
const GRANT_TYPES: [&str; 2] = ["client_credentials", "jwt-bearer"];

/// Issued tokens of one resource.
#[derive(Debug, Default)]
pub struct IssuedForResource([[AtomicU64; Algorithm::ALL.len()]; GRANT_TYPES.len()]);

impl IssuedForResource {
    /// Counts a token.
    pub fn count(&self, grant_type: &GrantType, algorithm: Algorithm) {
        let [client_credentials, jwt_bearer] = &self.0;
        let by_algorithm = match grant_type {
            GrantType::JwtBearer => jwt_bearer,
            GrantType::ClientCredentials | GrantType::NotOffered(_) => client_credentials,
        };
        let place = Algorithm::ALL.iter().position(|known| *known == algorithm);
        if let Some(count) = place.and_then(|place| by_algorithm.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Issued tokens of all resources.
#[derive(Debug, Default)]
pub struct IssuedTokens(Mutex<BTreeMap<String, Arc<IssuedForResource>>>);

impl IssuedTokens {
    /// Returns the counters of a registered resource. They outlive the resource, because a counter
    /// must not decrease.
    pub fn of_resource(&self, resource: &str) -> Arc<IssuedForResource> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let label = if known.len() < MAX_RESOURCES || known.contains_key(resource) {
            resource
        } else {
            OTHER
        };
        if let Some(counters) = known.get(label) {
            return counters.clone();
        }
        let counters = Arc::<IssuedForResource>::default();
        known.insert(label.to_owned(), counters.clone());
        counters
    }

    /// Returns the number of tokens for each resource since the start, in descending order.
    pub fn totals(&self) -> Vec<(String, u64)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total = |counters: &IssuedForResource| {
            counters.0.iter().flatten().map(|count| count.load(Ordering::Relaxed)).sum()
        };
        let mut totals: Vec<(String, u64)> =
            known.iter().map(|(resource, counters)| (resource.clone(), total(counters))).collect();
        totals.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        totals
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut family = writer.family(&TOKENS_ISSUED)?;
        for (resource, counters) in &known {
            for (grant_type, by_algorithm) in GRANT_TYPES.iter().zip(&counters.0) {
                for (algorithm, count) in Algorithm::ALL.iter().zip(by_algorithm) {
                    let count = count.load(Ordering::Relaxed);
                    let labels = [
                        ("grant_type", *grant_type),
                        ("resource", resource.as_str()),
                        ("alg", algorithm.as_str()),
                    ];
                    if count > 0 {
                        family.counter(&labels, count)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_beyond_the_limit_share_a_label() {
        let issued = IssuedTokens::default();
        for number in 0..2 * MAX_RESOURCES {
            let counters = issued.of_resource(&format!("urn:{number}"));
            counters.count(&GrantType::ClientCredentials, Algorithm::Es256);
        }
        let known = issued.0.lock().expect("a lock");
        assert_eq!(known.len(), MAX_RESOURCES + 1);
        let [other, _] = &known[OTHER].0;
        assert_eq!(other[0].load(Ordering::Relaxed), MAX_RESOURCES as u64);
    }
}
