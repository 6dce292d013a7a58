//! The member `spiffe_trusts` of an import line.

use crate::admin::import::object::Object;
use crate::admin::import::problems::Problems;
use crate::model::security::KeySetUri;
use crate::model::spiffe_id::{SpiffeIdPattern, TrustDomain};
use crate::model::spiffe_trust::{SpiffeSource, SpiffeTrust};
use crate::model::trust::FederatedCredential;

/// Reads the member. Every problem is noted; `None` if the line does not give it.
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

/// The trusts that a line gives. One that the client has already keeps its id.
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
    // In the order in which the store gives them, so that the same trusts compare as equal.
    trusts.sort_by(|one, other| {
        (one.created_at, one.trust_id.as_str()).cmp(&(other.created_at, other.trust_id.as_str()))
    });
    trusts
}
