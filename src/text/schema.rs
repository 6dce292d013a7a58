//! How the values of the nouns look in JSON, for the `OpenAPI` document of the admin API.

/// Describes a type whose values are JSON texts, whatever Rust type holds them: a sentence for the
/// reader, then methods of [`utoipa::openapi::ObjectBuilder`], such as `pattern` and `examples`.
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

/// The same for JSON objects: the name of the schema, a sentence and an example.
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
