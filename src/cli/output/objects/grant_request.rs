//! A grant request of the admin API.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::output::objects::time;
use crate::model::time::Timestamp;

/// A grant request.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct GrantRequestObject {
    /// Its id.
    pub(crate) request_id: String,
    /// What became of it.
    pub(crate) state: String,
    /// 1, and 1 more with each change of what is requested.
    pub(crate) revision: i64,
    /// The client that would get the grant.
    pub(crate) client_id: String,
    /// The owner of the client.
    pub(crate) client_owner: Option<String>,
    /// The resource.
    pub(crate) resource: String,
    /// The owner of the resource.
    pub(crate) resource_owner: Option<String>,
    /// The scopes of the grant.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    /// From where the grant could be used; anywhere if empty.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    /// The claims of the grant.
    #[serde(default)]
    pub(crate) claims: Map<String, Value>,
    /// What the requester says about it.
    pub(crate) message: Option<String>,
    /// Why it ended.
    pub(crate) reason: Option<String>,
    /// The caller that made it, or changed it last.
    #[serde(default)]
    pub(crate) requested_by: String,
    /// The caller that ended it.
    pub(crate) ended_by: Option<String>,
    /// When it was made.
    #[serde(deserialize_with = "time")]
    pub(crate) created_at: Timestamp,
    /// When it ends without a decision.
    #[serde(deserialize_with = "time")]
    pub(crate) expires_at: Timestamp,
}
