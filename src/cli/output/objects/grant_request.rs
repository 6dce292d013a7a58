//! A grant request of the admin API, as commands read it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::output::objects::time;
use crate::model::time::Timestamp;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct GrantRequestObject {
    pub(crate) request_id: String,
    pub(crate) state: String,
    /// The revision, which starts at 1 and grows with each change of the request.
    pub(crate) revision: i64,
    pub(crate) client_id: String,
    pub(crate) client_owner: Option<String>,
    pub(crate) resource: String,
    pub(crate) resource_owner: Option<String>,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    /// The networks that the grant could be used from; any if empty.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    #[serde(default)]
    pub(crate) claims: Map<String, Value>,
    pub(crate) message: Option<String>,
    /// The reason for the end.
    pub(crate) reason: Option<String>,
    /// The caller that created the request or changed it last.
    #[serde(default)]
    pub(crate) requested_by: String,
    pub(crate) ended_by: Option<String>,
    #[serde(deserialize_with = "time")]
    pub(crate) created_at: Timestamp,
    /// The time at which it expires without a decision.
    #[serde(deserialize_with = "time")]
    pub(crate) expires_at: Timestamp,
}
