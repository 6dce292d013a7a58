//! Schemas of the domain types, for the `OpenAPI` document of the admin API.

/// Implements the schema of a type that is serialized as a JSON string. Takes a description, then
/// methods of [`utoipa::openapi::ObjectBuilder`], such as `pattern` and `examples`.
macro_rules! text_schema {
    ($type:ident, $description:expr $(, $method:ident($value:expr))* $(,)?) => {
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .description(Some($description))
                    $(.$method($value))*
                    .into()
            }
        }

        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($type))
            }
        }
    };
}

/// Like `text_schema`, but for JSON objects. Takes the name of the schema, a description and an
/// example.
macro_rules! object_schema {
    ($type:ident as $name:literal, $description:expr, $example:tt $(, $method:ident($value:expr))* $(,)?) => {
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .description(Some($description))
                    .examples([serde_json::json!($example)])
                    $(.$method($value))*
                    .into()
            }
        }

        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed($name)
            }
        }
    };
}

pub(crate) use object_schema;
pub(crate) use text_schema;
