//! The JSON Schema of an import line, generated from the table that the parser uses.

use serde_json::{Map, Value, json};

use crate::admin::import::members::{CLIENT, MAX_GRANTS, MemberType, ObjectSchema};
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{AuthenticationMethod, ClientId, ClientName, ClientState};
use crate::model::facts::{Contact, Description};
use crate::model::labels::Labels;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::security::KeySet;
use crate::model::spiffe_id::TrustDomain;
use crate::model::static_claims::StaticClaims;
use crate::model::trust::FederatedCredential;
use crate::secrets::secret::MAX_SECRET_BYTES;

/// Returns the JSON Schema (draft 2020-12) of one line of an import file. It describes members and
/// their formats. The import itself checks that resources exist and that keys and hashes can be
/// used.
pub fn schema() -> Value {
    let mut schema = of_kind(&CLIENT);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("A client: one line of an import file");
    schema
}

pub(in crate::admin) fn of_kind(kind: &ObjectSchema) -> Value {
    let properties: Map<String, Value> = kind
        .members
        .iter()
        .map(|member| {
            let mut value = nullable(member.value_type, of_type(member.value_type));
            value["description"] = json!(member.about);
            (member.name.to_owned(), value)
        })
        .collect();
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": kind.required,
        "properties": properties,
    });
    let pairs = kind.exclusive.iter().flat_map(|group| {
        group.iter().enumerate().flat_map(|(index, one)| {
            group[index + 1..]
                .iter()
                .map(move |other| json!({ "not": { "required": [one, other] } }))
        })
    });
    let pairs: Vec<_> = pairs.collect();
    if !pairs.is_empty() {
        schema["allOf"] = json!(pairs);
    }
    if !kind.one_of.is_empty() {
        let one_of: Vec<_> = kind.one_of.iter().map(|name| json!({ "required": [name] })).collect();
        schema["oneOf"] = json!(one_of);
    }
    schema
}

fn nullable(member_type: MemberType, schema: Value) -> Value {
    if member_type.is_nullable() {
        json!({ "anyOf": [schema, { "type": "null" }] })
    } else {
        schema
    }
}

fn of_type(member_type: MemberType) -> Value {
    match member_type {
        MemberType::Declared(declared) => declared.schema(),
        MemberType::Secrets => list(of_items(member_type)),
        MemberType::Grants => bounded_list(of_items(member_type), MAX_GRANTS),
        MemberType::Trusts | MemberType::SpiffeTrusts => {
            bounded_list(of_items(member_type), FederatedCredential::MAX_PER_CLIENT)
        }
        MemberType::Methods => {
            list(json!({ "enum": AuthenticationMethod::ALL.map(AuthenticationMethod::as_str) }))
        }
        MemberType::GrantTypes => list(text("^[!-~]{1,200}$")),
        MemberType::Networks => list(text("\\S")),
        MemberType::Scopes => list(text("^[!#-\\[\\]-~]{1,128}$")),
        MemberType::TokenEndpoints => {
            bounded_list(text("^[hH][tT][tT][pP][sS]?://[!-~]+$"), AssertionAudiences::MAX_URLS)
        }
        MemberType::State => {
            json!({ "enum": [ClientState::Active.as_str(), ClientState::Disabled.as_str()] })
        }
        MemberType::LeakPolicy => json!({ "enum": LeakPolicy::ALL.map(LeakPolicy::as_str) }),
        MemberType::Flag => json!({ "type": "boolean" }),
        MemberType::KeySet => json!({
            "type": "object",
            "required": ["keys"],
            "properties": { "keys": { "type": "array" } },
            "$comment": format!("at most {} bytes", KeySet::MAX_BYTES),
        }),
        MemberType::Claims => claims(),
        MemberType::Labels => json!({
            "type": "object",
            "maxProperties": Labels::MAX_COUNT,
            "additionalProperties": {
                "type": "string",
                "pattern": "^([a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?)?$",
            },
        }),
        MemberType::Patterns => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": { "type": "string" },
        }),
        other => of_text(other),
    }
}

/// Returns the schema of static claims. Its `$comment` has the limit that JSON Schema cannot
/// express.
fn claims() -> Value {
    let number = json!({
        "type": "integer",
        "minimum": -StaticClaims::MAX_INTEGER,
        "maximum": StaticClaims::MAX_INTEGER,
    });
    let kinds = ["string", "boolean", "array", "object"].map(|kind| json!({ "type": kind }));
    let name = format!("^[!#-\\[\\]-~]{{1,{}}}$", StaticClaims::MAX_NAME_BYTES);
    json!({
        "type": "object",
        "maxProperties": StaticClaims::MAX_NAMES,
        "propertyNames": text(&name),
        "additionalProperties": { "anyOf": kinds.into_iter().chain([number]).collect::<Vec<_>>() },
        "$comment": format!("at most {} bytes", StaticClaims::MAX_BYTES),
    })
}

/// Returns the schema of a string member.
fn of_text(member_type: MemberType) -> Value {
    match member_type {
        MemberType::ClientId => text(&format!("^[!-~]{{1,{}}}$", ClientId::MAX_LENGTH)),
        MemberType::Name => printable(ClientName::MAX_LENGTH),
        MemberType::Owner => text(&format!(
            "^(?=.{{1,{}}}$)[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$",
            Owner::MAX_LENGTH
        )),
        MemberType::Description => printable(Description::MAX_LENGTH),
        MemberType::Contact => printable(Contact::MAX_LENGTH),
        MemberType::Secret => text(&format!("^[ -~]{{1,{MAX_SECRET_BYTES}}}$")),
        MemberType::Hash => text("^\\$argon2id\\$"),
        MemberType::Label => json!({
            "type": "string",
            "maxLength": 100,
            "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        }),
        MemberType::Time => {
            text("^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?Z?)?$")
        }
        MemberType::Duration => json!({
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": "^ *[0-9]+(\\.[0-9]+)? *[a-zA-Z]+" },
            ],
        }),
        MemberType::Rate => text("^(off|[0-9]+/(s|m|min|h|d))$"),
        MemberType::Uri => text("^[!-~]{1,500}$"),
        MemberType::TrustDomain => text(&format!("^[a-z0-9._-]{{1,{}}}$", TrustDomain::MAX_LENGTH)),
        MemberType::SpiffeIds => text("^spiffe://[a-z0-9._-]+(/[a-zA-Z0-9._-]+)+(/\\*)?$"),
        MemberType::KeySetUri | MemberType::BundleEndpoint => {
            text("^[hH][tT][tT][pP][sS]://[!-~]+$")
        }
        _ => json!({ "type": "string", "minLength": 1, "maxLength": 500 }),
    }
}

/// Returns the schema of a text for people: not blank, without control characters.
pub(in crate::admin) fn printable(max_length: usize) -> Value {
    json!({
        "type": "string",
        "maxLength": max_length,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*\\S[^\\u0000-\\u001f\\u007f-\\u009f]*$",
    })
}

pub(in crate::admin) fn text(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

pub(in crate::admin) fn list(items: Value) -> Value {
    let mut schema = json!({ "type": "array" });
    schema["items"] = items;
    schema
}

pub(in crate::admin) fn bounded_list(items: Value, max: usize) -> Value {
    let mut schema = list(items);
    schema["maxItems"] = json!(max);
    schema
}

fn of_items(member_type: MemberType) -> Value {
    member_type.items().map(of_kind).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::import::line;
    use crate::admin::import::problems::Problems;

    /// True if the schema accepts a value, apart from patterns and lengths of strings.
    fn is_valid(schema: &Value, value: &Value) -> bool {
        let of = |name: &str| schema.get(name);
        let list = |name: &str| of(name).and_then(Value::as_array).into_iter().flatten();
        let is_type = match of("type").and_then(Value::as_str) {
            None => true,
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64(),
            Some("boolean") => value.is_boolean(),
            Some("null") => value.is_null(),
            Some(other) => panic!("{other}"),
        };
        let in_enum = of("enum").is_none() || list("enum").any(|allowed| allowed == value);
        let in_any = of("anyOf").is_none() || list("anyOf").any(|one| is_valid(one, value));
        let in_one =
            of("oneOf").is_none() || list("oneOf").filter(|one| is_valid(one, value)).count() == 1;
        let in_all = list("allOf").all(|one| is_valid(one, value));
        let in_not = of("not").is_none_or(|not| !is_valid(not, value));
        let items = value.as_array().into_iter().flatten();
        let in_items =
            of("items").is_none_or(|schema| items.clone().all(|item| is_valid(schema, item)));
        let members = value.as_object();
        let has = |name: &Value| {
            let name = name.as_str().expect("a name");
            members.is_none_or(|members| members.contains_key(name))
        };
        let in_properties = members.into_iter().flatten().all(|(name, value)| {
            match (schema["properties"].get(name), of("additionalProperties")) {
                (None, Some(Value::Bool(is_allowed))) => *is_allowed,
                (Some(schema), _) | (None, Some(schema)) => is_valid(schema, value),
                (None, None) => true,
            }
        });
        is_type
            && in_enum
            && in_any
            && in_one
            && in_all
            && in_not
            && in_items
            && list("required").all(has)
            && in_properties
    }

    fn is_parsed(value: &Value) -> bool {
        let mut problems = Problems::default();
        line::parse(&value.to_string(), 1, &mut problems);
        problems.into_result().is_ok()
    }

    const HASH: &str =
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";

    /// Returns a valid value for a member.
    fn sample(member_type: MemberType) -> Value {
        match member_type {
            MemberType::ClientId | MemberType::Name | MemberType::Label | MemberType::Secret => {
                json!("abc")
            }
            MemberType::Owner | MemberType::Description | MemberType::Contact => json!("abc"),
            MemberType::Declared(_) => unreachable!("not in an import"),
            MemberType::Labels => json!({ "env": "prod" }),
            MemberType::Text => json!("10.0.0.1"),
            MemberType::State => json!("disabled"),
            MemberType::LeakPolicy => json!("end_now"),
            MemberType::Hash => json!(HASH),
            MemberType::Time => json!("2027-01-31T00:00:00Z"),
            MemberType::Duration => json!(900),
            MemberType::Rate => json!("60/m"),
            MemberType::Flag => json!(true),
            MemberType::Methods => json!(["client_secret_post"]),
            MemberType::GrantTypes => json!(["client_credentials"]),
            MemberType::Networks => json!(["10.0.0.0/8"]),
            MemberType::Scopes => json!(["a:read"]),
            MemberType::TokenEndpoints => json!(["https://a.example/token"]),
            MemberType::Uri => json!("https://a.example"),
            MemberType::KeySetUri | MemberType::BundleEndpoint => json!("https://a.example/jwks"),
            MemberType::TrustDomain => json!("a.example"),
            MemberType::SpiffeIds => json!("spiffe://a.example/ns/*"),
            MemberType::SpiffeTrusts => json!([{
                "trust_domain": "a.example", "bundle_endpoint": "https://a.example/bundle",
                "subject": "spiffe://a.example/worker",
            }]),
            MemberType::KeySet => json!({ "keys": [] }),
            MemberType::Patterns => json!({ "sub": "worker" }),
            MemberType::Claims => json!({ "tenant": "acme", "limit": 5 }),
            MemberType::Secrets => json!([{ "client_secret": "abc", "label": null }]),
            MemberType::Grants => json!([{ "resource": "https://a.example", "scopes": null }]),
            MemberType::Trusts => json!([{ "issuer": "urn:a", "conditions": { "sub": "worker" } }]),
        }
    }

    /// Members of a TLS subject have a special format.
    fn sample_of(name: &str, member_type: MemberType) -> Value {
        if name == "tls_client_auth_subject_dn" { json!("CN=worker") } else { sample(member_type) }
    }

    /// Returns an object of a kind with one member set, and all members that it requires.
    fn with(kind: &ObjectSchema, name: &str, value: Value) -> Value {
        let mut object = json!({});
        for required in kind.required.iter().chain(kind.one_of.first()) {
            if !kind.one_of.contains(&name) || kind.required.contains(required) {
                let member_type = kind.member(required).expect("a member").value_type;
                object[*required] = sample_of(required, member_type);
            }
        }
        object[name] = value;
        object
    }

    /// Returns the object as a line, inside a client if its kind is an element of one.
    fn as_line(kind: &ObjectSchema, object: Value) -> Value {
        let member = CLIENT.members.iter().find(|member| {
            member.value_type.items().is_some_and(|items| std::ptr::eq(items, kind))
        });
        match member {
            Some(member) => with(&CLIENT, member.name, json!([object])),
            None => object,
        }
    }

    fn kinds() -> Vec<&'static ObjectSchema> {
        let of_members = CLIENT.members.iter().filter_map(|member| member.value_type.items());
        std::iter::once(&CLIENT).chain(of_members).collect()
    }

    /// The schema accepts the same values as the parser, for each member and each type of value.
    #[test]
    fn the_schema_is_what_the_parser_accepts() {
        let schema = schema();
        let mut accepted = 0;
        for kind in kinds() {
            for member in kind.members {
                let values = [
                    sample_of(member.name, member.value_type),
                    json!(null),
                    json!(true),
                    json!(1.5),
                    json!([7]),
                    json!([{}]),
                    json!({ "a": 7 }),
                    json!("\u{7}"),
                ];
                for (index, value) in values.into_iter().enumerate() {
                    let line = as_line(kind, with(kind, member.name, value));
                    let is_accepted = is_parsed(&line);
                    assert!(index > 0 || is_accepted, "{line}");
                    // The last value is rejected only by its pattern.
                    let is_last = line.to_string().contains("\\u0007");
                    assert_eq!(is_valid(&schema, &line) && !is_last, is_accepted, "{line}");
                    accepted += usize::from(is_accepted);
                }
            }
        }
        assert!(accepted > 40, "{accepted}");
    }

    /// Covers members that exclude each other, missing members and unknown members.
    #[test]
    fn the_schema_rejects_conflicting_members() {
        let schema = schema();
        for kind in kinds() {
            for (one, other) in kind
                .members
                .iter()
                .flat_map(|one| kind.members.iter().map(move |other| (one, other)))
            {
                let mut object = with(kind, one.name, sample_of(one.name, one.value_type));
                object[other.name] = sample_of(other.name, other.value_type);
                let line = as_line(kind, object);
                assert_eq!(is_valid(&schema, &line), is_parsed(&line), "{line}");
            }
            for name in kind.required.iter().chain(kind.one_of.first()) {
                let other = kind.members.iter().find(|member| {
                    !kind.required.contains(&member.name) && !kind.one_of.contains(&member.name)
                });
                // If all members are required, any other one will do.
                let other = other.or_else(|| kind.members.iter().find(|one| one.name != *name));
                let other = other.expect("another member");
                let mut object = with(kind, other.name, sample_of(other.name, other.value_type));
                object.as_object_mut().expect("an object").remove(*name);
                let line = as_line(kind, object);
                assert!(!is_valid(&schema, &line) && !is_parsed(&line), "{line}");
            }
            let line = as_line(kind, with(kind, "unknown", json!(1)));
            assert!(!is_valid(&schema, &line) && !is_parsed(&line), "{line}");
        }
    }
}
