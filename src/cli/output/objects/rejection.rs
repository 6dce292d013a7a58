//! A rejection of the admin API, as commands read it.

use serde::Deserialize;

use crate::cli::output::objects::time;
use crate::model::remedy::Remedy;
use crate::model::time::Timestamp;
use crate::remedies;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RejectionObject {
    pub(crate) request_id: String,
    #[serde(deserialize_with = "time")]
    pub(crate) at: Timestamp,
    pub(crate) status: u16,
    /// The error code of the response.
    pub(crate) error: String,
    pub(crate) address: String,
    /// The client that the request names.
    pub(crate) client_id: Option<String>,
    /// The actual reason, which the response does not tell.
    pub(crate) reason: String,
    /// The encoded remedy, as it is stored.
    remedy: Option<String>,
    /// The other clients with a secret that has the suffix of the presented one.
    #[serde(default)]
    pub(crate) secret_of: Vec<String>,
    /// The clients whose name starts like the unknown id.
    #[serde(default)]
    pub(crate) named_like: Vec<String>,
}

impl RejectionObject {
    /// Returns the remedy as text.
    pub(crate) fn remedy_text(&self) -> Option<String> {
        let remedy = self.remedy.clone().map(Remedy::decode)?;
        Some(remedies::of_rejection(&remedy, self.client_id.as_deref()))
    }
}
