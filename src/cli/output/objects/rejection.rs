//! A rejection of the admin API.

use serde::Deserialize;

use crate::cli::output::objects::time;
use crate::model::remedy::Remedy;
use crate::model::time::Timestamp;
use crate::remedies;

/// A rejection.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RejectionObject {
    /// The id of the request.
    pub(crate) request_id: String,
    /// When.
    #[serde(deserialize_with = "time")]
    pub(crate) at: Timestamp,
    /// The HTTP status of the answer.
    pub(crate) status: u16,
    /// The code of the answer.
    pub(crate) error: String,
    /// Where the request came from.
    pub(crate) address: String,
    /// The client that it was about.
    pub(crate) client_id: Option<String>,
    /// The true reason.
    pub(crate) reason: String,
    /// How to fix it, as it is stored.
    remedy: Option<String>,
    /// Other clients with a secret that ends like the one that was presented.
    #[serde(default)]
    pub(crate) secret_of: Vec<String>,
    /// Clients that are named as the unknown id begins.
    #[serde(default)]
    pub(crate) named_like: Vec<String>,
}

impl RejectionObject {
    /// How to fix it, for people.
    pub(crate) fn remedy_text(&self) -> Option<String> {
        let remedy = self.remedy.clone().map(Remedy::decode)?;
        Some(remedies::of_rejection(&remedy, self.client_id.as_deref()))
    }
}
