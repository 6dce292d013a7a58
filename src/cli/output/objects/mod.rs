//! Objects of the admin API with the members that tables show. Other members are ignored, so that a
//! newer server may send more.

pub(in crate::cli) mod client;
pub(in crate::cli) mod event;
pub(in crate::cli) mod grant_request;
pub(in crate::cli) mod rejection;
pub(in crate::cli) mod resource;
pub(in crate::cli) mod signing_key;
pub(in crate::cli) mod trust;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::model::time::Timestamp;

/// Descriptive facts of a client or a resource, for people and policies.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct FactsObject {
    /// The team that owns the object.
    pub(crate) owner: Option<String>,
    /// The purpose of the object.
    pub(crate) description: Option<String>,
    pub(crate) contact: Option<String>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
}

impl FactsObject {
    /// Adds the facts that are set to the rows of an object.
    pub(crate) fn add_rows(&self, rows: &mut Vec<(&'static str, String)>) {
        let Self { owner, description, contact, labels } = self;
        rows.extend(owner.iter().map(|owner| ("owner", owner.clone())));
        rows.extend(description.iter().map(|text| ("description", text.clone())));
        rows.extend(contact.iter().map(|text| ("contact", text.clone())));
        if !labels.is_empty() {
            let labels = labels.iter().map(|(key, value)| format!("{key}={value}"));
            rows.push(("labels", labels.collect::<Vec<_>>().join(" ")));
        }
    }

    /// Formats the owner for a table cell.
    pub(crate) fn owner_cell(&self) -> String {
        self.owner.clone().unwrap_or_else(|| "-".to_owned())
    }
}

/// Formats the source for a table cell.
pub(in crate::cli) fn source_cell(source: Option<&str>) -> String {
    source.unwrap_or("-").to_owned()
}

/// Adds the source that manages an object to its rows.
pub(in crate::cli) fn add_source(source: Option<&str>, rows: &mut Vec<(&'static str, String)>) {
    rows.extend(source.map(|source| ("source", format!("{source} (it is changed there)"))));
}

/// Parses a time (RFC 3339).
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse(&text).map_err(serde::de::Error::custom)
}

/// Parses a time that may be absent or `null`.
pub(in crate::cli) fn some_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let time = text.as_deref().map(Timestamp::parse).transpose();
    time.map_err(serde::de::Error::custom)
}
