//! Labels of clients and resources: keys with values, in the style of Kubernetes, for selecting
//! objects.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::openapi::{ObjectBuilder, Type};

use crate::model::Malformed;
use crate::text::schema::object_schema;

/// The maximum length of a value and of the name in a key, in bytes.
pub(super) const MAX_NAME_LENGTH: usize = 63;

/// The maximum length of the prefix of a key, in bytes.
const MAX_PREFIX_LENGTH: usize = 253;

/// The key of a label, such as `team` or `example.com/cost-center`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelKey(Box<str>);

/// The value of a label, which may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelValue(Box<str>);

/// The labels of an object, sorted by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<LabelKey, LabelValue>);

object_schema!(
    Labels as "Labels",
    "Keys with values, for selection.",
    { "plan": "gold" },
    additional_properties(Some(ObjectBuilder::new().schema_type(Type::String))),
);

impl LabelKey {
    /// Parses a key: a name, optionally preceded by a DNS name and `/`.
    ///
    /// # Errors
    /// If the name or the prefix is invalid. A name is 1 to 63 ASCII letters, digits, `-`, `_` and
    /// `.` with a letter or a digit at both ends. A prefix is a lower-case DNS name of at most 253
    /// bytes.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (prefix, name) = match text.split_once('/') {
            Some((prefix, name)) => (Some(prefix), name),
            None => (None, text),
        };
        if !is_word(name) || !prefix.is_none_or(is_dns_name) {
            return Err(Malformed::because(format!(
                "the key of a label is 1 to {MAX_NAME_LENGTH} letters (a-z, A-Z), digits, '-', '_' and '.', and begins and ends with a letter or a digit; a DNS name and '/' may precede it"
            )));
        }
        Ok(Self(text.into()))
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LabelValue {
    /// Parses a value.
    ///
    /// # Errors
    /// If the text is not empty and is not a valid name of a key.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if !text.is_empty() && !is_word(text) {
            return Err(Malformed::because(format!(
                "the value of a label is empty, or 1 to {MAX_NAME_LENGTH} letters (a-z, A-Z), digits, '-', '_' and '.', and begins and ends with a letter or a digit"
            )));
        }
        Ok(Self(text.into()))
    }

    /// Returns the value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// True for text with the syntax of a label name. Names of owners have the same syntax.
pub(super) fn is_word(text: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    bytes.len() <= MAX_NAME_LENGTH
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes.iter().all(is_inner)
}

/// True for a DNS name (RFC 1123, section 2.1) in lower case.
fn is_dns_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        is_word(label) && label.bytes().all(is_inner)
    };
    text.len() <= MAX_PREFIX_LENGTH && text.split('.').all(is_label)
}

/// Formats a label as `key=value`. Neither part contains an equals sign.
pub fn text(key: &LabelKey, value: &LabelValue) -> String {
    format!("{}={}", key.as_str(), value.as_str())
}

impl Labels {
    /// The maximum number of labels of an object.
    pub const MAX_COUNT: usize = 32;

    /// Parses keys and values.
    ///
    /// # Errors
    /// If a key or a value is invalid, a key is a duplicate, or there are more than
    /// [`Self::MAX_COUNT`].
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Malformed> {
        let mut labels = Self::default();
        for (key, value) in pairs {
            let value = LabelValue::parse(value)
                .map_err(|malformed| Malformed::because(format!("label {key}: {malformed}")))?;
            if labels.insert(LabelKey::parse(key)?, value)?.is_some() {
                return Err(Malformed::because(format!("duplicate label {key}")));
            }
        }
        Ok(labels)
    }

    /// Parses the stored JSON object, whatever rules applied when it was accepted.
    ///
    /// # Errors
    /// If it is not an object of strings.
    pub fn stored(json: &str) -> Result<Self, Malformed> {
        let texts: BTreeMap<Box<str>, Box<str>> = serde_json::from_str(json)
            .map_err(|_| Malformed::because("labels are not a JSON object of texts"))?;
        let labels = texts.into_iter().map(|(key, value)| (LabelKey(key), LabelValue(value)));
        Ok(Self(labels.collect()))
    }

    /// Sets a label and returns its previous value.
    ///
    /// # Errors
    /// If there would be more than [`Self::MAX_COUNT`] labels.
    pub fn insert(
        &mut self,
        key: LabelKey,
        value: LabelValue,
    ) -> Result<Option<LabelValue>, Malformed> {
        let before = self.0.insert(key, value);
        if self.0.len() > Self::MAX_COUNT {
            return Err(Malformed::because(format!(
                "there are at most {} labels",
                Self::MAX_COUNT
            )));
        }
        Ok(before)
    }

    /// Removes a label, if it exists.
    pub fn remove(&mut self, key: &LabelKey) {
        self.0.remove(key);
    }

    /// True if the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all labels as `key=value`, sorted by key.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(key, value)| text(key, value))
    }

    /// Keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&LabelKey, &LabelValue)> {
        self.0.iter()
    }
}

/// Formats `key=value` pairs, separated by spaces.
impl fmt::Display for Labels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.texts().collect::<Vec<_>>().join(" "))
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_follow_the_kubernetes_label_syntax() {
        let (longest, prefix) = ("k".repeat(63), format!("{}.a/k", "x".repeat(60)));
        for key in ["team", "a", "Team_1.x-y", "example.com/cost-center", &longest, &prefix] {
            assert!(LabelKey::parse(key).is_ok(), "{key:?} was refused");
        }
        let (too_long, long_prefix) = ("k".repeat(64), format!("{}/k", "a.".repeat(130)));
        for key in [
            "",
            "/",
            "a/",
            "/a",
            "a/b/c",
            "-a",
            "a-",
            "a b",
            "a=b",
            "a\"b",
            "é",
            "A.com/k",
            "a..b/k",
            &too_long,
            &long_prefix,
        ] {
            assert!(LabelKey::parse(key).is_err(), "{key:?} was accepted");
        }
        for value in ["", "payments", "A.b_c-1"] {
            assert!(LabelValue::parse(value).is_ok(), "{value:?} was refused");
        }
        for value in [" ", "a b", "-a", "a\"", "a/b", "é", too_long.as_str()] {
            assert!(LabelValue::parse(value).is_err(), "{value:?} was accepted");
        }
    }

    #[test]
    fn labels_are_ordered_bounded_and_unique() {
        let labels = Labels::parse([("team", "payments"), ("env", "")]).expect("labels");
        assert_eq!(labels.to_string(), "env= team=payments");
        let json = serde_json::to_string(&labels).expect("JSON");
        assert_eq!(json, r#"{"env":"","team":"payments"}"#);
        assert_eq!(Labels::stored(&json), Ok(labels));
        assert!(Labels::parse([("a", "1"), ("a", "1")]).is_err(), "a duplicate was accepted");
        let keys: Vec<String> =
            (0..=Labels::MAX_COUNT).map(|number| format!("k{number}")).collect();
        let pairs = |count: usize| keys[..count].iter().map(|key| (key.as_str(), "v"));
        assert!(Labels::parse(pairs(Labels::MAX_COUNT)).is_ok());
        assert!(Labels::parse(pairs(Labels::MAX_COUNT + 1)).is_err());
        for text in ["", "[]", "{\"a\":1}", "null"] {
            assert!(Labels::stored(text).is_err(), "{text:?}");
        }
    }
}
