//! The members in which two states of an object differ. The operations of this folder record them
//! in the event of a change, and write nothing if there are none.

use serde_json::{Map, Value, json};

/// The result of an operation: the object, and whether the operation had to change it.
#[derive(Debug)]
pub struct Changed<T> {
    /// The object after the operation.
    pub value: T,
    /// False if the object had this state before: then nothing was written.
    pub is_changed: bool,
}

impl<T> Changed<T> {
    pub(super) fn now(value: T) -> Self {
        Self { value, is_changed: true }
    }

    pub(super) fn before(value: T) -> Self {
        Self { value, is_changed: false }
    }
}

/// The members in which two states of an object differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    was: Map<String, Value>,
    is: Map<String, Value>,
}

/// The members that change with every write and are not part of the state.
const IGNORED: [&str; 2] = ["created_at", "updated_at"];

impl Difference {
    /// Compares two states; `None` if they are equal. A member that one of them lacks is `null`.
    pub(super) fn between(was: &Value, is: &Value) -> Option<Self> {
        let empty = Map::new();
        let (before, after) = (was.as_object().unwrap_or(&empty), is.as_object().unwrap_or(&empty));
        let mut difference = Self { was: Map::new(), is: Map::new() };
        for name in before.keys().chain(after.keys()) {
            let old = before.get(name).unwrap_or(&Value::Null);
            let new = after.get(name).unwrap_or(&Value::Null);
            if old != new && !IGNORED.contains(&name.as_str()) {
                difference.was.insert(name.clone(), old.clone());
                difference.is.insert(name.clone(), new.clone());
            }
        }
        (!difference.was.is_empty()).then_some(difference)
    }

    /// Returns each member with its old and its new value.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Value, &Value)> {
        let is = |name: &String| self.is.get(name).unwrap_or(&Value::Null);
        self.was.iter().map(move |(name, was)| (name.as_str(), was, is(name)))
    }

    /// Adds the members `was` and `is` to the detail of an event.
    pub(super) fn add_to(self, mut detail: Value) -> Value {
        detail["was"] = json!(self.was);
        detail["is"] = json!(self.is);
        detail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_kept() {
        let was = json!({ "name": "a", "state": "active", "rate": 5, "updated_at": 1 });
        let is = json!({ "name": "b", "state": "active", "ttl": 60, "updated_at": 2 });
        let difference = Difference::between(&was, &is).expect("a difference");
        assert_eq!(
            difference.add_to(json!({ "more": 1 })),
            json!({
                "more": 1,
                "was": { "name": "a", "rate": 5, "ttl": null },
                "is": { "name": "b", "rate": null, "ttl": 60 },
            })
        );
        let later = json!({ "name": "a", "state": "active", "rate": 5, "updated_at": 9 });
        assert_eq!(Difference::between(&was, &later), None);
    }
}
