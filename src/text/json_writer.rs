//! Writes a JSON object member by member. Every request uses it for claims, its response and its
//! log line.
//!
//! A general serializer checks each byte of a text for escapes. This writer checks eight bytes at a
//! time and copies text that needs no escape. Member names come from the program and never need
//! one. A comma follows each member, so no member checks whether another one precedes it.
//! [`JsonObject::end`] replaces the last comma by the brace.

use std::fmt;
use std::io::Write;

use serde::Serialize;

use crate::text::plain::is_plain_json;

/// A JSON object that is not closed yet.
#[derive(Debug)]
pub struct JsonObject(Vec<u8>);

impl JsonObject {
    /// Creates an object without members, in a buffer with this capacity in bytes. The buffer grows
    /// if needed.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut json = Vec::with_capacity(bytes);
        json.push(b'{');
        Self(json)
    }

    /// Adds a member whose value is a text.
    pub fn text(&mut self, name: &str, value: &str) {
        if is_plain_json(value.as_bytes()) {
            return self.plain_text(name, value);
        }
        self.name(name);
        // Writing to a vector cannot fail.
        let _ = serde_json::to_writer(&mut self.0, value);
        self.0.push(b',');
    }

    /// Like [`Self::text`], for a value that never needs an escape, such as a JWT.
    pub fn plain_text(&mut self, name: &str, value: &str) {
        debug_assert!(is_plain_json(value.as_bytes()), "the value of {name:?} needs an escape");
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'"');
        self.0.push(b',');
    }

    /// Adds a member whose value is a whole number.
    pub fn number(&mut self, name: &str, value: i64) {
        // Serializing an integer cannot fail.
        let _ = self.value(name, &value);
    }

    /// Adds a member with any serializable value.
    ///
    /// # Errors
    /// If the value cannot be serialized as JSON. The object is then unchanged.
    pub fn value<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), serde_json::Error> {
        let start = self.0.len();
        self.name(name);
        let written = serde_json::to_writer(&mut self.0, value);
        match written {
            Ok(()) => self.0.push(b','),
            Err(_) => self.0.truncate(start),
        }
        written
    }

    /// Adds a member whose value is formatted with `Display`, without an intermediate `String`. A
    /// value whose formatting fails is left out.
    pub fn shown(&mut self, name: &str, value: impl fmt::Display) {
        let start = self.0.len();
        self.name(name);
        self.0.push(b'"');
        let text = self.0.len();
        if write!(self.0, "{value}").is_err() {
            return self.0.truncate(start);
        }
        if self.0.get(text..).is_some_and(is_plain_json) {
            self.0.push(b'"');
            self.0.push(b',');
            return;
        }
        let text = String::from_utf8_lossy(&self.0.split_off(text)).into_owned();
        self.0.truncate(start);
        self.text(name, &text);
    }

    /// Adds members that are already JSON, given without the surrounding braces and without a comma
    /// at the end.
    pub fn members(&mut self, members: &str) {
        if !members.is_empty() {
            self.0.extend_from_slice(members.as_bytes());
            self.0.push(b',');
        }
    }

    /// Closes the object and returns its bytes.
    pub fn end(mut self) -> Vec<u8> {
        self.0.pop_if(|last| *last == b',');
        self.0.push(b'}');
        self.0
    }

    fn name(&mut self, name: &str) {
        debug_assert!(is_plain_json(name.as_bytes()), "{name:?} needs an escape");
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'"');
        self.0.push(b':');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    struct Unwritable;

    impl Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not JSON"))
        }
    }

    fn read(object: JsonObject) -> Value {
        serde_json::from_slice(&object.end()).expect("JSON")
    }

    #[test]
    fn members_are_written_in_their_order() {
        let mut object = JsonObject::with_capacity(0);
        object.text("a", "{");
        object.number("b", i64::MIN);
        object.members("");
        object.members(r#""c":[1],"d":{}"#);
        object.shown("e", format_args!("{}\n", 1));
        object.value("f", &json!([null])).expect("JSON");
        let json = String::from_utf8(object.end()).expect("text");
        let expected = r#"{"a":"{","b":-9223372036854775808,"c":[1],"d":{},"e":"1\n","f":[null]}"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn an_object_may_be_empty_or_begin_with_members() {
        assert_eq!(JsonObject::with_capacity(0).end(), b"{}");
        let mut object = JsonObject::with_capacity(0);
        object.members(r#""a":1"#);
        assert_eq!(read(object), json!({ "a": 1 }));
    }

    #[test]
    fn a_value_that_is_not_json_adds_nothing() {
        let mut object = JsonObject::with_capacity(0);
        assert!(object.value("a", &Unwritable).is_err());
        object.text("b", "c");
        assert!(object.value("d", &Unwritable).is_err());
        assert_eq!(read(object), json!({ "b": "c" }));
    }

    proptest! {
        #[test]
        fn each_text_is_written_as_a_serializer_writes_it(
            name in "[a-z_.]{0,9}", value in any::<String>(), plain in "[ -~]{0,40}"
        ) {
            for value in [&value, &plain] {
                let expected = json!({ &name: value }).to_string();
                let mut object = JsonObject::with_capacity(0);
                object.text(&name, value);
                prop_assert_eq!(String::from_utf8(object.end()).expect("text"), &*expected);
                let mut object = JsonObject::with_capacity(0);
                object.shown(&name, value);
                prop_assert_eq!(String::from_utf8(object.end()).expect("text"), &*expected);
            }
        }
    }
}
