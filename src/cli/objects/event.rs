//! An event of the audit log, as the admin API has it.

use serde::Deserialize;
use serde_json::Value;

/// An event.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EventObject {
    /// Its place in the chain.
    pub(crate) sequence: i64,
    at: String,
    actor: String,
    action: String,
    subject: String,
    detail: Value,
    /// Its hash, which proves all events before it.
    pub(crate) hash: String,
}

impl EventObject {
    /// The event as a row of a list.
    pub(crate) fn row(&self) -> Vec<String> {
        let detail = match &self.detail {
            Value::String(text) => text.clone(),
            detail => detail.to_string(),
        };
        vec![
            self.sequence.to_string(),
            self.at.clone(),
            self.actor.clone(),
            self.action.clone(),
            self.subject.clone(),
            detail,
        ]
    }
}
