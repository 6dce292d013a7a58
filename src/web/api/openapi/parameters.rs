//! Path parameters, and headers that many operations share.

use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, RefOr, Required, Schema, Type};

use crate::model::client::ClientId;
use crate::model::grant_request::GrantRequestId;
use crate::model::owner_policy::PolicyScope;
use crate::model::resource::ResourceId;
use crate::model::secret::SecretId;
use crate::model::signing_key::KeyId;
use crate::model::trust::TrustId;
use crate::web::api::openapi::description::Description;

/// Describes the parameters of a path.
pub(super) fn of_path(path: &str, description: &mut Description) -> Vec<Parameter> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| of_segment(path, name, description)).collect()
}

fn of_segment(path: &str, name: &str, description: &mut Description) -> Parameter {
    let (schema, text) = match (name, path.split('/').nth(2)) {
        ("id", Some("clients")) => (description.reference::<ClientId>(), "The client."),
        ("id", Some("resources")) => (description.reference::<ResourceId>(), "The resource."),
        ("id", _) => (description.reference::<GrantRequestId>(), "The grant request."),
        ("resource", _) => (description.reference::<ResourceId>(), "The resource of the grant."),
        ("secret", _) => (description.reference::<SecretId>(), "The secret."),
        ("trust", _) => (description.reference::<TrustId>(), "The trust."),
        ("owner", _) => (description.reference::<PolicyScope>(), "The owner, or `*`."),
        ("kid", _) => (description.reference::<KeyId>(), "The signing key."),
        ("key", _) => (text_schema(), "The `kid` of the key, or its thumbprint (RFC 7638)."),
        _ => (text_schema(), "The id of the request, which its response had: `req_…`."),
    };
    let text = format!("{text} One segment: a slash or colon in it is percent-encoded.");
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(text))
        .schema(Some(schema))
        .build()
}

fn text_schema() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).into()
}

fn header(name: &str, text: &str, schema: RefOr<Schema>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(text))
        .schema(Some(schema))
        .build()
}

/// `If-Match` (RFC 9110, section 13.1.1).
pub(super) fn if_match() -> Parameter {
    let text = "The `ETag` of the state that was read, or `*` for any. The request is rejected with \
                412 if the object differs by now.";
    header("If-Match", text, text_schema())
}

/// `If-None-Match` (RFC 9110, section 13.1.2).
pub(super) fn if_none_match() -> Parameter {
    let text = "`*`: the request is rejected with 412 if the object exists. Another value has no \
                effect.";
    header("If-None-Match", text, text_schema())
}

pub(super) fn idempotency_key() -> Parameter {
    let text = "A key of your choice, such as a UUID. For ten minutes, the same request with this \
                key gets the stored response, including any secret in it.";
    let schema = ObjectBuilder::new().schema_type(Type::String).max_length(Some(255));
    header("Idempotency-Key", text, schema.min_length(Some(1)).into())
}

pub(super) fn force() -> Parameter {
    let text = "`true` also permits a change to an object that is applied from a source, and a step with signing keys that breaks verifiers.";
    let schema = ObjectBuilder::new().schema_type(Type::String);
    header("Tokend-Force", text, schema.enum_values(Some(["true"])).into())
}

pub(super) fn dry_run() -> Parameter {
    ParameterBuilder::new()
        .name("dry_run")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(
            "True to check the request and return the response without storing anything.",
        ))
        .schema(Some(bool_schema()))
        .build()
}

fn bool_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}
