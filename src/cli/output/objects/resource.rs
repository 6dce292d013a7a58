//! A resource of the admin API.

use serde::Deserialize;

use crate::cli::output::objects::{FactsObject, some_time};
use crate::model::time::Timestamp;

/// A resource.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ResourceObject {
    /// Its identifier.
    pub(crate) resource: String,
    /// What people know of it.
    #[serde(flatten)]
    pub(crate) facts: FactsObject,
    /// The source that it is applied from.
    pub(crate) source: Option<String>,
    /// The scopes that it offers.
    #[serde(default)]
    pub(crate) scopes: Vec<ScopeObject>,
    /// How long tokens for it live.
    pub(crate) token_ttl_seconds: Option<i64>,
    /// What its tokens are signed with.
    pub(crate) signing_alg: Option<String>,
    /// Present as long as no key of that algorithm signs.
    pub(crate) signing_alg_pending: Option<PendingAlgorithm>,
    /// The `typ` of its tokens.
    #[serde(default)]
    pub(crate) token_typ: String,
    /// When it was registered; absent for a built-in one.
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) created_at: Option<Timestamp>,
}

/// A scope of a resource.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ScopeObject {
    /// Its name.
    pub(crate) name: String,
    /// What it permits.
    #[serde(default)]
    pub(crate) description: String,
}

/// How tokens are signed until the first key of a new algorithm signs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PendingAlgorithm {
    /// The algorithm; the server's if absent.
    pub(crate) until_then: Option<String>,
    /// When the first key begins to sign; absent if a server has yet to make it.
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) signs_from: Option<Timestamp>,
}

impl ResourceObject {
    /// The names of its scopes, in one line.
    pub(crate) fn scope_names(&self) -> String {
        self.scopes.iter().map(|scope| scope.name.as_str()).collect::<Vec<_>>().join(" ")
    }
}
