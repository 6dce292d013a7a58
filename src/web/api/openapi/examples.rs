//! Examples of bodies. A schema without its own example gets one from its parts. So an example has
//! every required member, even if members are added later.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::openapi::schema::{ArrayItems, Object, SchemaType};
use utoipa::openapi::{Ref, RefOr, Schema, Type};

/// The maximum depth of nested schemas, in case a schema contains itself.
const MAX_DEPTH: u8 = 32;

/// All schemas by name.
pub(super) struct Examples<'a>(pub(super) &'a BTreeMap<String, RefOr<Schema>>);

impl Examples<'_> {
    /// Returns an example of a schema; `None` if a required part has no example.
    pub(super) fn of(&self, schema: &RefOr<Schema>) -> Option<Value> {
        self.made(schema, MAX_DEPTH)
    }

    /// True if all members of an object have defaults, so that it is optional.
    pub(super) fn has_only_defaults(&self, schema: &RefOr<Schema>) -> bool {
        match schema {
            RefOr::Ref(target) => {
                self.0.get(name_of(target)).is_some_and(|found| self.has_only_defaults(found))
            }
            RefOr::T(Schema::Object(object)) => object.required.is_empty(),
            RefOr::T(_) => false,
        }
    }

    fn made(&self, schema: &RefOr<Schema>, depth: u8) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let schema = match schema {
            RefOr::Ref(target) => return self.made(self.0.get(name_of(target))?, depth),
            RefOr::T(schema) => schema,
        };
        match schema {
            Schema::Object(object) => self.of_object(object, depth),
            Schema::Array(array) => match (array.examples.first(), &array.items) {
                (Some(own), _) => Some(own.clone()),
                (None, ArrayItems::RefOrSchema(item)) => {
                    self.made(item, depth).map(|item| Value::Array(vec![item]))
                }
                (None, ArrayItems::False) => None,
            },
            Schema::AllOf(all) => {
                let mut members = Map::new();
                for part in &all.items {
                    if let Value::Object(more) = self.made(part, depth)? {
                        members.extend(more);
                    }
                }
                Some(Value::Object(members))
            }
            Schema::OneOf(one) => one.items.iter().find_map(|item| self.choice(item, depth)),
            Schema::AnyOf(any) => any.items.iter().find_map(|item| self.choice(item, depth)),
            _ => None,
        }
    }

    /// Returns an example of a choice other than `null`.
    fn choice(&self, schema: &RefOr<Schema>, depth: u8) -> Option<Value> {
        self.made(schema, depth).filter(|value| !value.is_null())
    }

    fn of_object(&self, object: &Object, depth: u8) -> Option<Value> {
        let values = object.enum_values.iter().flatten();
        if let Some(own) = object.examples.iter().chain(values).next() {
            return Some(own.clone());
        }
        let kind = match &object.schema_type {
            SchemaType::Type(kind) => kind,
            SchemaType::Array(kinds) if kinds.contains(&Type::Null) => return Some(Value::Null),
            SchemaType::Array(_) | SchemaType::AnyValue => return None,
        };
        match kind {
            Type::Object => self.of_members(object, depth),
            Type::Boolean => Some(false.into()),
            Type::Integer => Some(1.into()),
            Type::Null => Some(Value::Null),
            _ => None,
        }
    }

    /// Builds an object from the required members and those with their own example.
    fn of_members(&self, object: &Object, depth: u8) -> Option<Value> {
        let mut members = Map::new();
        for (name, schema) in &object.properties {
            if object.required.contains(name) || self.has_own(schema) {
                members.insert(name.clone(), self.made(schema, depth)?);
            }
        }
        Some(Value::Object(members))
    }

    /// True for an object or a text with its own example.
    fn has_own(&self, schema: &RefOr<Schema>) -> bool {
        let schema = match schema {
            RefOr::T(schema) => Some(schema),
            RefOr::Ref(target) => match self.0.get(name_of(target)) {
                Some(RefOr::T(schema)) => Some(schema),
                _ => None,
            },
        };
        matches!(schema, Some(Schema::Object(object)) if !object.examples.is_empty())
    }
}

fn name_of(target: &Ref) -> &str {
    target.ref_location.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::openapi::ObjectBuilder;

    use super::*;

    #[test]
    fn an_example_is_made_of_those_of_the_parts() {
        let id = ObjectBuilder::new().schema_type(Type::String).examples(["acme"]);
        let schemas = BTreeMap::from([("Id".to_owned(), id.into())]);
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let nullable = SchemaType::from_iter([Type::String, Type::Null]);
        let schema: RefOr<Schema> = ObjectBuilder::new()
            .property("id", Ref::from_schema_name("Id"))
            .required("id")
            .property("owner", ObjectBuilder::new().schema_type(nullable))
            .required("owner")
            .property("label", text().examples(["2027"]))
            .property("left_out", text())
            .into();
        let example = Examples(&schemas).of(&schema);
        assert_eq!(example, Some(json!({ "id": "acme", "owner": null, "label": "2027" })));
        let incomplete: RefOr<Schema> =
            ObjectBuilder::new().property("name", text()).required("name").into();
        assert_eq!(Examples(&schemas).of(&incomplete), None);
    }

    #[test]
    fn a_schema_that_contains_itself_has_no_example() {
        let schema: RefOr<Schema> = ObjectBuilder::new()
            .property("next", Ref::from_schema_name("Loop"))
            .required("next")
            .into();
        let schemas = BTreeMap::from([("Loop".to_owned(), schema)]);
        assert_eq!(Examples(&schemas).of(&Ref::from_schema_name("Loop").into()), None);
    }
}
