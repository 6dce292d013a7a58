//! An event of the audit log, as the admin API returns it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::admin::audit::csv::Columns;

/// An event with all members, for an export.
#[derive(Debug, Deserialize)]
pub(crate) struct ExportedEvent {
    /// The position in the chain.
    pub(crate) sequence: i64,
    pub(crate) at: String,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) owner: Option<String>,
    #[serde(default)]
    pub(crate) other_owner: Option<String>,
    detail: Value,
    pub(crate) previous_hash: String,
    pub(crate) hash: String,
}

impl ExportedEvent {
    /// Returns the CSV columns. The detail is JSON, unless the row was edited by hand.
    pub(crate) fn columns(&self) -> Columns<'_> {
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        [
            Cow::Owned(self.sequence.to_string()),
            Cow::Borrowed(self.at.as_str()),
            Cow::Borrowed(self.actor.as_str()),
            Cow::Borrowed(self.action.as_str()),
            Cow::Borrowed(self.subject.as_str()),
            Cow::Owned(text(&self.owner)),
            Cow::Owned(text(&self.other_owner)),
            Cow::Owned(text_of(&self.detail)),
            Cow::Borrowed(self.previous_hash.as_str()),
            Cow::Borrowed(self.hash.as_str()),
        ]
    }
}

fn text_of(detail: &Value) -> String {
    match detail {
        Value::String(text) => text.clone(),
        detail => detail.to_string(),
    }
}

/// An event with the members that a table shows.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EventObject {
    /// The position in the chain.
    pub(crate) sequence: i64,
    at: String,
    actor: String,
    action: String,
    subject: String,
    detail: Value,
    /// The hash, which covers all earlier events.
    pub(crate) hash: String,
}

impl EventObject {
    /// Returns the event as a table row.
    pub(crate) fn row(&self) -> Vec<String> {
        vec![
            self.sequence.to_string(),
            self.at.clone(),
            self.actor.clone(),
            self.action.clone(),
            self.subject.clone(),
            text_of(&self.detail),
        ]
    }
}
