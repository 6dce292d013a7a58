//! Static claims: names and JSON values that an operator sets for a client or a grant. Tokens
//! contain them unchanged.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::model::{Malformed, reserved_claims};
use crate::text::raw_members::RawMembers;
use crate::text::schema::object_schema;

/// Claims sorted by name. Two sets are equal if their names and values are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct StaticClaims(BTreeMap<Box<str>, Value>);

object_schema!(
    StaticClaims as "StaticClaims",
    "Claims that are added to tokens: names with JSON values, at most 32 names and 1 KiB.",
    { "tenant": "acme", "roles": ["reader"] },
);

/// Why claims are rejected. Each variant names the received value and the allowed ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// The text is not `NAME=VALUE`.
    #[error("'{0}' is not NAME=VALUE, such as tenant=acme")]
    NotAPair(String),
    /// The claims are not a JSON object.
    #[error("the claims are not a JSON object, such as {{\"tenant\": \"acme\"}}: {0}")]
    NotAnObject(String),
    /// The value looks like JSON but is not valid.
    #[error("the value of claim '{name}' is not JSON ({problem}); a text is quoted: \"…\"")]
    NotJson {
        /// The name of the claim.
        name: String,
        /// The error of the JSON parser.
        problem: String,
    },
    /// The name is empty, too long, or contains other characters.
    #[error(
        "claim '{0}': a name is 1 to {max} printable ASCII characters without space, double quote \
         and backslash",
        max = StaticClaims::MAX_NAME_BYTES
    )]
    Name(String),
    /// The name is reserved.
    #[error(
        "claim '{0}' is reserved: the server or a standard defines it; use another name, such as \
         tenant or https://acme.example/{0}"
    )]
    Reserved(String),
    /// A name is a duplicate, possibly inside a value.
    #[error("claim '{claim}': '{member}' is given twice; each name is allowed once")]
    Duplicate {
        /// The name of the claim.
        claim: String,
        /// The duplicate name.
        member: String,
    },
    /// A value is or contains `null`.
    #[error("claim '{0}' is or contains null; leave it out, or give the text \"null\"")]
    Null(String),
    /// A number is not a whole number in the range that every JSON parser preserves.
    #[error(
        "claim '{claim}': {number} is not a whole number from -{max} to {max}; give it as a string: \
         \"{number}\"",
        max = StaticClaims::MAX_INTEGER
    )]
    Number {
        /// The name of the claim.
        claim: String,
        /// The number as received.
        number: String,
    },
    /// A value is nested too deeply.
    #[error("claim '{0}' has more than {max} levels of lists and objects", max = StaticClaims::MAX_DEPTH)]
    Depth(String),
    /// There are too many claims.
    #[error(
        "a token would have {0} static claims; a client and a grant together have at most {max}",
        max = StaticClaims::MAX_NAMES
    )]
    Names(usize),
    /// The JSON is too long.
    #[error(
        "the static claims of a token would have {0} bytes of JSON; a client and a grant together \
         have at most {max}",
        max = StaticClaims::MAX_BYTES
    )]
    Bytes(usize),
}

impl ClaimsError {
    /// Returns the name of the affected claim, if there is one.
    pub fn claim(&self) -> Option<&str> {
        match self {
            Self::NotJson { name, .. } => Some(name),
            Self::Duplicate { claim, .. } | Self::Number { claim, .. } => Some(claim),
            Self::Name(name) | Self::Reserved(name) | Self::Null(name) | Self::Depth(name) => {
                Some(name)
            }
            Self::NotAPair(_) | Self::NotAnObject(_) | Self::Names(_) | Self::Bytes(_) => None,
        }
    }
}

impl StaticClaims {
    /// The maximum size of the claims of a token, in bytes of JSON without white space.
    pub const MAX_BYTES: usize = 1024;

    /// The maximum number of claims of a token.
    pub const MAX_NAMES: usize = 32;

    /// The maximum nesting depth of lists and objects inside a claim.
    pub const MAX_DEPTH: usize = 4;

    /// The maximum length of a name, in bytes.
    pub const MAX_NAME_BYTES: usize = 128;

    /// The largest integer that every JSON parser represents exactly: 2^53 − 1 (RFC 8259, section
    /// 6).
    pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;

    /// The maximum length of an input text, in bytes. It is larger than `MAX_BYTES` to allow for
    /// white space.
    const MAX_TEXT_BYTES: usize = 16 * 1024;

    /// Parses the claims of a client or a grant from a JSON object.
    ///
    /// Accepts strings, `true`, `false`, whole numbers, lists and objects. Rejects fractions and
    /// exponents, on which parsers disagree, and `null`, which a merge patch (RFC 7396) cannot set.
    ///
    /// # Errors
    /// A [`ClaimsError`] for the first violated rule.
    pub fn parse(json: &str) -> Result<Self, ClaimsError> {
        if json.len() > Self::MAX_TEXT_BYTES {
            return Err(ClaimsError::Bytes(json.len()));
        }
        let members = serde_json::from_str::<RawMembers<'_>>(json)
            .map_err(|error| ClaimsError::NotAnObject(error.to_string()))?;
        let mut claims = Self::default();
        for (name, raw) in members.0 {
            claims.add(&name, raw)?;
        }
        claims.check_size()?;
        Ok(claims)
    }

    /// Parses claims that are given one by one as `NAME=VALUE`.
    ///
    /// A value that is valid JSON has its JSON type: `true` is a boolean, `1` a number, `"1"` a
    /// string, `["a"]` a list. Any other value is a string. A value that begins with `{`, `[` or
    /// `"` must be valid JSON.
    ///
    /// # Errors
    /// A [`ClaimsError`] for the first violated rule.
    pub fn parse_pairs<'a>(pairs: impl Iterator<Item = &'a str>) -> Result<Self, ClaimsError> {
        let mut claims = Self::default();
        for pair in pairs {
            let (name, text) = match pair.split_once('=') {
                Some((name, text)) if !text.trim().is_empty() => (name, text),
                _ => return Err(ClaimsError::NotAPair(shown(pair))),
            };
            if text.len() > Self::MAX_TEXT_BYTES {
                return Err(ClaimsError::Bytes(text.len()));
            }
            match serde_json::from_str::<&RawValue>(text) {
                Ok(raw) => claims.add(name, raw)?,
                Err(error) if text.trim_start().starts_with(['{', '[', '"']) => {
                    let (name, problem) = (shown(name), error.to_string());
                    return Err(ClaimsError::NotJson { name, problem });
                }
                Err(_) => claims.insert(name, Value::String(text.to_owned()))?,
            }
        }
        claims.check_size()?;
        Ok(claims)
    }

    /// Reads stored claims. Names that were reserved later are kept, unless the server itself now
    /// writes a claim of that name.
    ///
    /// # Errors
    /// If the text is not a JSON object. Tokens without the claims could lack a restriction.
    pub fn stored(json: &str) -> Result<Self, Malformed> {
        let members: BTreeMap<Box<str>, Value> = serde_json::from_str(json)
            .map_err(|error| Malformed::because(format!("the stored claims: {error}")))?;
        let usable = members.into_iter().filter(|(name, _)| !is_of_the_server(name));
        Ok(Self(usable.collect()))
    }

    /// True if the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Returns these claims, overridden by the claims of the same name in `grant`. Values are
    /// replaced as a whole.
    #[must_use]
    pub fn merged(&self, grant: &Self) -> Self {
        let mut merged = self.clone();
        merged.0.extend(grant.0.iter().map(|(name, value)| (name.clone(), value.clone())));
        merged
    }

    /// Returns these claims with `set` added or replaced, and `removed` deleted.
    #[must_use]
    pub fn edited(&self, set: &Self, removed: &[String]) -> Self {
        let mut edited = self.merged(set);
        edited.0.retain(|name, _| !removed.iter().any(|gone| **gone == **name));
        edited
    }

    /// Checks the combined size of the claims of a client and a grant in one token.
    ///
    /// # Errors
    /// [`ClaimsError::Names`] or [`ClaimsError::Bytes`].
    pub fn check_size(&self) -> Result<(), ClaimsError> {
        if self.0.len() > Self::MAX_NAMES {
            return Err(ClaimsError::Names(self.0.len()));
        }
        match self.json().len() {
            bytes if bytes > Self::MAX_BYTES => Err(ClaimsError::Bytes(bytes)),
            _ => Ok(()),
        }
    }

    /// Returns the claims as JSON without white space.
    pub fn json(&self) -> String {
        self.object().to_string()
    }

    /// Returns the members of [`Self::json`] without the braces; empty for an empty set.
    pub fn members(&self) -> Box<str> {
        let json = self.json();
        json.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default().into()
    }

    fn object(&self) -> Value {
        let members = self.iter().map(|(name, value)| (name.to_owned(), value.clone()));
        Value::Object(members.collect())
    }

    fn add(&mut self, name: &str, raw: &RawValue) -> Result<(), ClaimsError> {
        let value = value(&shown(name), raw.get(), 0, Nulls::Reject)?;
        self.insert(name, value)
    }

    fn insert(&mut self, name: &str, value: Value) -> Result<(), ClaimsError> {
        let is_name = matches!(name.len(), 1..=Self::MAX_NAME_BYTES)
            && name.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
        if !is_name {
            return Err(ClaimsError::Name(shown(name)));
        }
        if reserved_claims::is_reserved(name) {
            return Err(ClaimsError::Reserved(name.to_owned()));
        }
        match self.0.insert(name.into(), value) {
            None => Ok(()),
            Some(_) => {
                Err(ClaimsError::Duplicate { claim: name.to_owned(), member: name.to_owned() })
            }
        }
    }
}

/// True if the server itself writes a claim or an introspection member with this name.
pub fn is_of_the_server(name: &str) -> bool {
    reserved_claims::is_of_the_server(name)
}

impl Serialize for StaticClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// The meaning of `null` as a claim or as a member of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// An error.
    Reject,
    /// Removal of the member (RFC 7396).
    Remove,
}

/// Parses a value that is nested in `depth` lists and objects. Each level is parsed once more than
/// the level above, so the depth is limited.
fn value(claim: &str, json: &str, depth: usize, nulls: Nulls) -> Result<Value, ClaimsError> {
    let not_json = |error: serde_json::Error| ClaimsError::NotJson {
        name: claim.to_owned(),
        problem: error.to_string(),
    };
    let json = json.trim();
    match json.as_bytes().first() {
        Some(b'[' | b'{') if depth == StaticClaims::MAX_DEPTH => {
            Err(ClaimsError::Depth(claim.to_owned()))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json).map_err(not_json)?;
            let item = |item: &RawValue| value(claim, item.get(), depth + 1, Nulls::Reject);
            let items = items.into_iter().map(item);
            Ok(Value::Array(items.collect::<Result<_, _>>()?))
        }
        Some(b'{') => {
            let members: RawMembers<'_> = serde_json::from_str(json).map_err(not_json)?;
            let mut object = Map::new();
            for (name, raw) in members.0 {
                let inner = value(claim, raw.get(), depth + 1, nulls)?;
                if object.insert(name.clone(), inner).is_some() {
                    let (claim, member) = (claim.to_owned(), shown(&name));
                    return Err(ClaimsError::Duplicate { claim, member });
                }
            }
            Ok(Value::Object(object))
        }
        Some(b'n') if nulls == Nulls::Reject => Err(ClaimsError::Null(claim.to_owned())),
        Some(b'-' | b'0'..=b'9') => number(json)
            .map(Value::from)
            .ok_or_else(|| ClaimsError::Number { claim: claim.to_owned(), number: shown(json) }),
        _ => serde_json::from_str(json).map_err(not_json),
    }
}

/// Parses an integer without fraction and exponent that every JSON parser preserves.
fn number(json: &str) -> Option<i64> {
    let number = json.parse::<i64>().ok()?;
    let is_exact = number.unsigned_abs() <= StaticClaims::MAX_INTEGER.unsigned_abs();
    (is_exact && json != "-0").then_some(number)
}

/// Shortens a text for an error message and replaces control characters.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    let start = start.replace(char::is_control, "\u{fffd}");
    if text.chars().nth(60).is_some() { format!("{start}…") } else { start }
}

mod patch;
#[cfg(test)]
mod tests;

pub use patch::ClaimsPatch;
