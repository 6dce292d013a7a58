//! A page of a list, including the objects whose rows cannot be read.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::store::StoreError;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    data: Vec<T>,
    /// The `cursor` of the next request; `None` on the last page.
    next_cursor: Option<String>,
    /// The objects of this page whose rows cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<UnreadableObject>,
}

/// An object whose row in the database cannot be read.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnreadableObject {
    /// Its identifier.
    #[schema(examples("acme"))]
    id: String,
    /// What is wrong with its row.
    #[schema(examples("token_ttl: it is negative"))]
    problem: String,
}

impl UnreadableObject {
    pub(super) fn new(id: String, problem: &StoreError) -> Self {
        Self { id, problem: problem.to_string() }
    }
}

impl<T> Page<T> {
    pub(super) fn new(data: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { data, next_cursor, unreadable: Vec::new() }
    }

    /// Adds the objects that cannot be read.
    pub(super) fn with_unreadable(self, objects: Vec<(String, StoreError)>) -> Self {
        let objects = objects.into_iter();
        let objects = objects.map(|(id, problem)| UnreadableObject::new(id, &problem));
        Self { unreadable: objects.collect(), ..self }
    }
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("The `cursor` of the next request; `null` on the last page."));
        let data = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
        let unreadable = ArrayBuilder::new().items(Ref::from_schema_name(UnreadableObject::name()));
        let unreadable = unreadable.description(Some(
            "Objects of this page whose rows in the database cannot be read. Absent if there are \
             none.",
        ));
        ObjectBuilder::new()
            .description(Some("A page of a list."))
            .property("data", data.description(Some("The objects.")))
            .required("data")
            .property("next_cursor", cursor)
            .required("next_cursor")
            .property("unreadable", unreadable)
            .into()
    }
}

/// Names the schema after the objects. A derived schema would have the same name for every page.
impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("PageOf{}", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        schemas.push((UnreadableObject::name().into_owned(), UnreadableObject::schema()));
        T::schemas(schemas);
    }
}
