//! The trusts of a client of the admin API, as commands read them.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A trust of either kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum AnyTrust {
    /// A trust in a SPIFFE trust domain.
    Spiffe(SpiffeTrustObject),
    /// A trust in an issuer.
    Issuer(TrustObject),
}

/// A trust in an issuer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TrustObject {
    pub(crate) trust_id: String,
    pub(crate) issuer: String,
    /// The keys of the issuer, if they are registered at the server.
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    /// The required value of `aud`.
    pub(crate) audience: String,
    /// The patterns of the other claims.
    #[serde(default)]
    pub(crate) conditions: Map<String, Value>,
}

/// A trust in a SPIFFE trust domain.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SpiffeTrustObject {
    pub(crate) trust_id: String,
    pub(crate) trust_domain: String,
    /// The pattern of the SPIFFE ID.
    pub(crate) subject: String,
    /// The URL of the keys.
    pub(crate) bundle_endpoint: String,
}

impl AnyTrust {
    /// Returns the trust as a table row.
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

    /// Formats the conditions on one line.
    pub(crate) fn conditions_text(&self) -> String {
        let conditions = self.conditions.iter();
        let conditions = conditions
            .map(|(claim, pattern)| format!("{claim}={}", pattern.as_str().unwrap_or_default()));
        conditions.collect::<Vec<_>>().join(" ")
    }
}
