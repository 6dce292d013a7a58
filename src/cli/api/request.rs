//! A request to the admin API, in this process or at a server.

use std::fmt::Display;

use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// The bytes that are percent-encoded in a path segment: all but the unreserved ones (RFC 3986,
/// section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Debug, Clone)]
pub(crate) struct ApiRequest {
    pub(super) method: Method,
    /// The path, with percent-encoded segments.
    pub(super) path: String,
    query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    /// The `Idempotency-Key` of a POST request that may be repeated.
    pub(super) idempotency_key: Option<String>,
}

/// Returns a path below `/v1` with percent-encoded segments: an id may contain `/` and `:`.
pub(crate) fn path(segments: &[&str]) -> String {
    let encoded = segments.iter().map(|segment| match *segment {
        // A segment of only dots would be resolved as a relative path.
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        segment => utf8_percent_encode(segment, SEGMENT).to_string(),
    });
    encoded.fold("/v1".to_owned(), |path, segment| format!("{path}/{segment}"))
}

impl ApiRequest {
    pub(crate) fn get(path: String) -> Self {
        Self::new(Method::GET, path, None)
    }

    pub(crate) fn post(path: String, body: Value) -> Self {
        Self::new(Method::POST, path, Some(body))
    }

    pub(crate) fn put(path: String, body: Value) -> Self {
        Self::new(Method::PUT, path, Some(body))
    }

    pub(crate) fn patch(path: String, body: Value) -> Self {
        Self::new(Method::PATCH, path, Some(body))
    }

    pub(crate) fn delete(path: String) -> Self {
        Self::new(Method::DELETE, path, None)
    }

    fn new(method: Method, path: String, body: Option<Value>) -> Self {
        Self { method, path, query: Vec::new(), body, idempotency_key: None }
    }

    /// Adds a query parameter.
    pub(crate) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Adds a query parameter if it has a value.
    pub(crate) fn with_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Replaces a query parameter.
    pub(crate) fn replaced(self, name: &'static str, value: impl Display) -> Self {
        self.without(name).with(name, value)
    }

    /// Removes a query parameter.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.query.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    /// Sets the key under which the response can be read again.
    pub(crate) fn with_idempotency_key(mut self, key: &str) -> Self {
        self.idempotency_key = Some(key.to_owned());
        self
    }

    /// Returns the path and the query.
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
