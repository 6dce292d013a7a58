//! Refusals as they are kept for a while, so that an operator can ask why.

use serde::Serialize;

use crate::model::time::Timestamp;

/// Why a request was refused: what the caller was told, and what it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusalRecord {
    /// The id of the request, which the caller has been told.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The code of the answer.
    pub error: String,
    /// Where the request came from.
    pub address: String,
    /// The client it was about, if there is one of the id that was presented.
    pub client_id: Option<String>,
    /// The true reason.
    pub reason: String,
    /// What would mend it.
    pub remedy: Option<String>,
    /// The last characters of a whole secret that was presented: its checksum.
    pub hint: Option<String>,
}

impl RefusalRecord {
    /// True for a text that could be the id of a request.
    pub fn is_request_id(text: &str) -> bool {
        text.strip_prefix("req_").is_some_and(|rest| {
            (1..=40).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    }
}
