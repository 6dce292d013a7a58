//! Trusts in SPIFFE trust domains, whose JWT-SVIDs authenticate a client
//! (draft-ietf-oauth-spiffe-client-auth-02).

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::model::security::KeySetUri;
use crate::model::spiffe_id::{SpiffeId, SpiffeIdPattern, TrustDomain};
use crate::model::time::Timestamp;
use crate::model::trust::TrustId;

/// A trust of a client in a SPIFFE trust domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SpiffeTrust {
    /// Its identifier.
    pub trust_id: TrustId,
    /// What is trusted.
    #[serde(flatten)]
    pub source: SpiffeSource,
    /// When the trust was created.
    pub created_at: Timestamp,
}

/// A trust domain with its keys and its accepted workloads. The keys never verify an ID of another
/// trust domain (SPIFFE Trust Domain and Bundle, section 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SpiffeSource {
    trust_domain: TrustDomain,
    bundle_endpoint: KeySetUri,
    subject: SpiffeIdPattern,
}

impl SpiffeSource {
    /// Combines the parts.
    ///
    /// # Errors
    /// If the subject belongs to another trust domain.
    pub fn new(
        trust_domain: TrustDomain,
        bundle_endpoint: KeySetUri,
        subject: SpiffeIdPattern,
    ) -> Result<Self, Malformed> {
        if *subject.trust_domain() != trust_domain {
            return Err(Malformed::because(format!(
                "the subject is in the trust domain {}, expected {trust_domain}: the keys of a \
                 trust domain verify its own IDs only",
                subject.trust_domain()
            )));
        }
        Ok(Self { trust_domain, bundle_endpoint, subject })
    }

    /// Returns the trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Returns the URL of the bundle (SPIFFE Federation, profile `https_web`).
    pub fn bundle_endpoint(&self) -> &KeySetUri {
        &self.bundle_endpoint
    }

    /// Returns the accepted workloads.
    pub fn subject(&self) -> &SpiffeIdPattern {
        &self.subject
    }

    /// True if a workload with this ID is accepted.
    pub fn accepts(&self, id: &SpiffeId) -> bool {
        self.subject.matches(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_in_the_trust_domain() {
        let source = |domain: &str, subject: &str| {
            SpiffeSource::new(
                TrustDomain::parse(domain).expect("a trust domain"),
                KeySetUri::bundle_endpoint("https://acme.example/bundle").expect("a URL"),
                SpiffeIdPattern::parse(subject).expect("a pattern"),
            )
        };
        assert!(source("acme.example", "spiffe://acme.example/ns/*").is_ok());
        let problem = source("acme.example", "spiffe://evil.example/ns/*").expect_err("rejected");
        assert!(problem.to_string().contains("evil.example"), "{problem}");
    }
}
