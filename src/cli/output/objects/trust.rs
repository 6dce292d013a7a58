//! The trusts of a client of the admin API.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A trust of either kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum AnyTrust {
    /// In a SPIFFE trust domain.
    Spiffe(SpiffeTrustObject),
    /// In an issuer.
    Issuer(TrustObject),
}

/// A trust in an issuer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TrustObject {
    /// Its id.
    pub(crate) trust_id: String,
    /// The issuer.
    pub(crate) issuer: String,
    /// The keys of the issuer, if they are registered here.
    jwks: Option<Value>,
    /// Where its keys are.
    jwks_uri: Option<String>,
    /// What `aud` must be.
    pub(crate) audience: String,
    /// The other claims and their patterns.
    #[serde(default)]
    pub(crate) conditions: Map<String, Value>,
}

/// A trust in a SPIFFE trust domain.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SpiffeTrustObject {
    /// Its id.
    pub(crate) trust_id: String,
    /// The trust domain.
    pub(crate) trust_domain: String,
    /// The pattern of the SPIFFE id.
    pub(crate) subject: String,
    /// Where the keys are.
    pub(crate) bundle_endpoint: String,
}

impl AnyTrust {
    /// The trust as a row of a list.
    pub(crate) fn row(&self) -> Vec<String> {
        match self {
            Self::Spiffe(trust) => vec![
                trust.trust_id.clone(),
                format!("spiffe://{}", trust.trust_domain),
                trust.bundle_endpoint.clone(),
                "this issuer".to_owned(),
                format!("sub={}", trust.subject),
            ],
            Self::Issuer(trust) => vec![
                trust.trust_id.clone(),
                trust.issuer.clone(),
                trust.keys(),
                trust.audience.clone(),
                trust.conditions_text(),
            ],
        }
    }
}

impl TrustObject {
    fn keys(&self) -> String {
        match (&self.jwks, &self.jwks_uri) {
            (Some(_), _) => "registered".to_owned(),
            (None, Some(uri)) => uri.clone(),
            (None, None) => "discovered".to_owned(),
        }
    }

    /// The conditions in one line.
    pub(crate) fn conditions_text(&self) -> String {
        let conditions = self.conditions.iter();
        let conditions = conditions
            .map(|(claim, pattern)| format!("{claim}={}", pattern.as_str().unwrap_or_default()));
        conditions.collect::<Vec<_>>().join(" ")
    }
}
