//! A request of the admin API, for this process or a server.

use std::fmt::Display;

use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// The bytes that are not encoded in a segment of a path (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct ApiRequest {
    /// The method.
    pub(super) method: Method,
    /// The path, with its segments encoded.
    pub(super) path: String,
    query: Vec<(&'static str, String)>,
    /// The body.
    pub(super) body: Option<Value>,
    /// Identifies a POST that may be repeated.
    pub(super) idempotency_key: Option<String>,
}

/// A path below `/v1` whose segments are encoded: an id may hold `/` and `:`.
pub(crate) fn path(segments: &[&str]) -> String {
    let encoded = segments.iter().map(|segment| match *segment {
        // A segment of dots alone would be taken for a step in the tree of paths.
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        segment => utf8_percent_encode(segment, SEGMENT).to_string(),
    });
    encoded.fold("/v1".to_owned(), |path, segment| format!("{path}/{segment}"))
}

impl ApiRequest {
    /// Reads what is at a path.
    pub(crate) fn get(path: String) -> Self {
        Self::new(Method::GET, path, None)
    }

    /// Posts a body.
    pub(crate) fn post(path: String, body: Value) -> Self {
        Self::new(Method::POST, path, Some(body))
    }

    /// Puts a body in place.
    pub(crate) fn put(path: String, body: Value) -> Self {
        Self::new(Method::PUT, path, Some(body))
    }

    /// Changes some members.
    pub(crate) fn patch(path: String, body: Value) -> Self {
        Self::new(Method::PATCH, path, Some(body))
    }

    /// Deletes what is at a path.
    pub(crate) fn delete(path: String) -> Self {
        Self::new(Method::DELETE, path, None)
    }

    fn new(method: Method, path: String, body: Option<Value>) -> Self {
        Self { method, path, query: Vec::new(), body, idempotency_key: None }
    }

    /// The same with a parameter of the query.
    pub(crate) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// The same with a parameter that may be absent.
    pub(crate) fn with_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The same with another value of a parameter.
    pub(crate) fn replaced(self, name: &'static str, value: impl Display) -> Self {
        self.without(name).with(name, value)
    }

    /// The same without a parameter.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.query.retain(|(known, _)| *known != name);
        self
    }

    /// The path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The body.
    pub(crate) fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    /// The same with a key under which the answer can be read again.
    pub(crate) fn with_idempotency_key(mut self, key: &str) -> Self {
        self.idempotency_key = Some(key.to_owned());
        self
    }

    /// The path and the query.
    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.query.iter());
        format!("{}?{}", self.path, query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_of_a_path() {
        let id = "https://acme.example/a?b#c%2F d";
        assert_eq!(
            path(&["clients", id, "secrets"]),
            "/v1/clients/https%3A%2F%2Facme.example%2Fa%3Fb%23c%252F%20d/secrets"
        );
        assert_eq!(path(&["clients", ".."]), "/v1/clients/%2E%2E");
        let request = ApiRequest::get(path(&["clients"])).with("name", "a b&c").with("limit", 2);
        assert_eq!(request.target(), "/v1/clients?name=a+b%26c&limit=2");
    }
}
