//! A resource of the admin API, as commands read it.

use serde::Deserialize;

use crate::cli::output::objects::{FactsObject, some_time};
use crate::model::time::Timestamp;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ResourceObject {
    pub(crate) resource: String,
    #[serde(flatten)]
    pub(crate) facts: FactsObject,
    /// The source that manages the resource.
    pub(crate) source: Option<String>,
    #[serde(default)]
    pub(crate) scopes: Vec<ScopeObject>,
    pub(crate) token_ttl_seconds: Option<i64>,
    pub(crate) signing_alg: Option<String>,
    /// Present until a key of the algorithm signs.
    pub(crate) signing_alg_pending: Option<PendingAlgorithm>,
    #[serde(default)]
    pub(crate) token_typ: String,
    /// The time of the registration; absent for a built-in resource.
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) created_at: Option<Timestamp>,
}

/// A scope of a resource.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ScopeObject {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
}

/// Signing of tokens until the first key of a new algorithm signs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PendingAlgorithm {
    /// The algorithm until then; the server's if absent.
    pub(crate) until_then: Option<String>,
    /// The time from which the first key signs; absent if a server has not created it yet.
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) signs_from: Option<Timestamp>,
}

impl ResourceObject {
    /// Joins the names of its scopes on one line.
    pub(crate) fn scope_names(&self) -> String {
        self.scopes.iter().map(|scope| scope.name.as_str()).collect::<Vec<_>>().join(" ")
    }
}
