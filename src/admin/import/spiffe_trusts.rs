//! The member `spiffe_trusts` of an import line.

use crate::admin::import::object::Object;
use crate::admin::import::problems::Problems;
use crate::model::security::KeySetUri;
use crate::model::spiffe_id::{SpiffeIdPattern, TrustDomain};
use crate::model::spiffe_trust::{SpiffeSource, SpiffeTrust};
use crate::model::trust::FederatedCredential;

/// Parses the member and reports every problem. Returns `None` if the line does not have it.
pub(in crate::admin) fn parse(
    object: &Object<'_>,
    problems: &mut Problems,
) -> Option<Vec<SpiffeSource>> {
    let trusts =
        object.objects("spiffe_trusts", FederatedCredential::MAX_PER_CLIENT, problems)?.into_iter();
    let trusts = trusts.filter_map(|trust| {
        let domain = trust.parsed("trust_domain", TrustDomain::parse, problems);
        let endpoint = trust.parsed("bundle_endpoint", KeySetUri::bundle_endpoint, problems);
        let subject = trust.parsed("subject", SpiffeIdPattern::parse, problems);
        let source = SpiffeSource::new(domain?, endpoint?, subject?);
        trust.noted("subject", source, problems)
    });
    Some(trusts.collect())
}

/// Returns the trusts of a line. A trust that the client already has keeps its id.
pub(in crate::admin) fn kept_or_new(
    before: &[SpiffeTrust],
    given: Vec<SpiffeTrust>,
) -> Vec<SpiffeTrust> {
    let mut trusts: Vec<SpiffeTrust> = Vec::with_capacity(given.len());
    for new in given {
        if trusts.iter().any(|known| known.source == new.source) {
            continue;
        }
        let known = before.iter().find(|old| old.source == new.source).cloned();
        trusts.push(known.unwrap_or(new));
    }
    // Sorted in the order of the store, so that equal lists compare as equal.
    trusts.sort_by(|one, other| {
        (one.created_at, one.trust_id.as_str()).cmp(&(other.created_at, other.trust_id.as_str()))
    });
    trusts
}
