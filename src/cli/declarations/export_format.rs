//! Output format of an export: orders the members of each object for human readers.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

/// The members that come first, in this order.
const FIRST: [&str; 16] = [
    "source",
    "resources",
    "client_id",
    "resource",
    "issuer",
    "name",
    "state",
    "owner",
    "description",
    "contact",
    "labels",
    "auth_methods",
    "grant_types",
    "secret",
    "secrets",
    "scopes",
];

/// The members that come last, in this order.
const LAST: [&str; 6] = ["claims", "admin_of", "grants", "trusts", "spiffe_trusts", "clients"];

/// Serializes a value with the members of its objects in this order.
pub(super) struct Ordered<'a>(pub(super) &'a Value);

/// Returns the sort position of a member. Members in neither list come between the two, sorted by
/// name.
fn place(name: &str) -> usize {
    let first = FIRST.iter().position(|known| *known == name);
    let last = || LAST.iter().position(|known| *known == name).map(|place| FIRST.len() + 1 + place);
    first.or_else(last).unwrap_or(FIRST.len())
}

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by_key(|(name, _)| (place(name), *name));
                let mut map = serializer.serialize_map(Some(sorted.len()))?;
                for (name, value) in sorted {
                    map.serialize_entry(name, &Ordered(value))?;
                }
                map.end()
            }
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Ordered(item)))?;
                list.end()
            }
            other => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_begins_with_its_id_and_ends_with_its_grants() {
        let client = json!({ "grants": [], "zone": 1, "client_id": "a", "claims": {}, "any": 2 });
        assert_eq!(
            serde_json::to_string(&Ordered(&client)).expect("JSON"),
            r#"{"client_id":"a","any":2,"zone":1,"claims":{},"grants":[]}"#
        );
    }
}
