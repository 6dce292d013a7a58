//! Schemas of choices that an object serializes as at most one of several members.

use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::model::security::{KeySetUri, KeySource, TlsSubject};

impl PartialSchema for KeySource {
    fn schema() -> RefOr<Schema> {
        let key_set = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("A key set (RFC 7517, section 5)."));
        ObjectBuilder::new()
            .description(Some("Public keys: one of the members, or neither."))
            .property("jwks", key_set)
            .property("jwks_uri", KeySetUri::schema())
            .into()
    }
}

impl ToSchema for KeySource {}

impl PartialSchema for TlsSubject {
    fn schema() -> RefOr<Schema> {
        let text = |description| {
            ObjectBuilder::new().schema_type(Type::String).description(Some(description))
        };
        ObjectBuilder::new()
            .description(Some("The subject of a certificate (RFC 8705): one member, or none."))
            .property("tls_client_auth_subject_dn", text("The distinguished name (RFC 4514)."))
            .property("tls_client_auth_san_dns", text("A DNS name."))
            .property("tls_client_auth_san_uri", text("A URI, such as a SPIFFE ID."))
            .property("tls_client_auth_san_ip", text("An address."))
            .property("tls_client_auth_san_email", text("A mail address."))
            .into()
    }
}

impl ToSchema for TlsSubject {}
