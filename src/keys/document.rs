//! Documents that are served from memory: the key set, the metadata and the revocation list.

use serde::Serialize;

use crate::crypto::digest;

/// A document with its `ETag`.
#[derive(Debug, Clone)]
pub struct CachedDocument {
    /// The text.
    pub body: String,
    /// The strong entity tag of the text, quoted (RFC 9110, section 8.8.3).
    pub entity_tag: String,
}

impl CachedDocument {
    /// Writes a value as JSON and computes its `ETag`.
    pub fn of<T: Serialize>(value: &T) -> Self {
        // The documents are structs of strings and lists, which JSON can always represent.
        Self::of_text(serde_json::to_string(value).unwrap_or_default())
    }

    /// Computes the `ETag` of a text.
    pub fn of_text(body: String) -> Self {
        let hash = digest::of_bytes(body.as_bytes());
        Self { body, entity_tag: format!("\"{hash}\"") }
    }
}
