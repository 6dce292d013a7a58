//! Detection of duplicate members in JSON. RFC 8259 does not define which of them a parser uses, so
//! another program may have read a different value.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Returns the first duplicate member as a JSON pointer (RFC 6901).
pub(super) fn pointer(text: &str) -> Option<String> {
    let mut search = Search { path: Vec::new(), is_found: false };
    // The handler rejects invalid JSON itself.
    let _ = Place(&mut search).deserialize(&mut serde_json::Deserializer::from_str(text));
    let written = |name: &String| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    search.is_found.then(|| search.path.iter().map(written).collect())
}

/// The state of a search: the path of names and indexes. The search stops at the first duplicate.
struct Search {
    path: Vec<String>,
    is_found: bool,
}

/// The value at the current path of a search.
struct Place<'s>(&'s mut Search);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self(search) = self;
        for index in 0_usize.. {
            search.path.push(index.to_string());
            if elements.next_element_seed(Place(search))?.is_none() {
                search.path.pop();
                break;
            }
            search.path.pop();
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self(search) = self;
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<Cow<'_, str>>()? {
            search.path.push(name.clone().into_owned());
            if !names.insert(name) {
                search.is_found = true;
                return Err(A::Error::custom("a member twice"));
            }
            members.next_value_seed(Place(search))?;
            search.path.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn a_member_that_an_object_has_twice_is_found() {
        for (text, found) in [
            (r#"{"a":1,"a":2}"#, Some("/a")),
            (r#"{"a":1,"\u0061":2}"#, Some("/a")),
            (r#"{"a":[{"b":1},{"b":1,"c":[1,2],"b":2}]}"#, Some("/a/1/b")),
            (r#"{"a":{"b/~":"x","b/~":[]}}"#, Some("/a/b~1~0")),
            (r#"{ "a" : "x,\"a\":1" , "a" : 1e400 }"#, Some("/a")),
            (r#"{"":1,"":1}"#, Some("/")),
            (r#"{"a":{"a":{"a":["a","a"]}},"b":"a"}"#, None),
            (r#"[{"a":1},{"a":1},"a","a"]"#, None),
            (r#"{"a\\":1,"a":"\\","b":"{\"a\":1"}"#, None),
            ("1e400", None),
        ] {
            assert_eq!(pointer(text).as_deref(), found, "{text}");
        }
    }
}
