//! A signing key of the admin API.

use serde::Deserialize;

use crate::cli::objects::time;
use crate::cli::output;
use crate::model::time::Timestamp;

/// A signing key.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SigningKeyObject {
    kid: String,
    algorithm: String,
    state: String,
    #[serde(deserialize_with = "time")]
    created_at: Timestamp,
    #[serde(deserialize_with = "time")]
    signs_from: Timestamp,
}

impl SigningKeyObject {
    /// The key as a row of a list.
    pub(crate) fn row(&self, now: Timestamp) -> Vec<String> {
        vec![
            self.kid.clone(),
            self.algorithm.clone(),
            self.state.clone(),
            output::format_time(self.created_at, now),
            output::format_time(self.signs_from, now),
        ]
    }
}
