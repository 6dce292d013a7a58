//! The members of declarations: tables that define the parser and the JSON Schema, as in
//! [`crate::admin::import`].

use serde_json::{Value, json};

use crate::admin::declarative::digests::MAX_DIGESTS;
use crate::admin::facts::MAX_ADMIN_OF;
use crate::admin::import::members::{
    CLIENT_MEMBERS, KEY_SOURCES, Member, MemberType, ObjectSchema, SUBJECTS, joined, member,
};
use crate::admin::import::schema::{bounded_list, of_kind, text};
use crate::model::owner::Owner;
use crate::model::resource::{ResourceScope, TokenTyp};
use crate::model::scope::Scopes;
use crate::model::signing_key::Algorithm;
use crate::model::source::SourceName;

/// The maximum number of resources or of clients in one apply.
pub(super) const MAX_OBJECTS: usize = 100_000;

/// The type of a member that only declarations have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum DeclaredType {
    Source,
    Resources,
    Clients,
    /// Names, or objects with a name and a description.
    Scopes,
    ScopeName,
    ScopeDescription,
    Algorithm,
    Typ,
    SecretPolicy,
    Secrets,
    SecretDigest,
    AdminOf,
}

impl DeclaredType {
    pub(in crate::admin) fn is_nullable(self) -> bool {
        matches!(self, Self::Source | Self::Algorithm | Self::SecretPolicy | Self::AdminOf)
    }

    pub(in crate::admin) fn is_object(self) -> bool {
        self == Self::SecretPolicy
    }

    pub(in crate::admin) fn is_list(self) -> bool {
        matches!(
            self,
            Self::Resources | Self::Clients | Self::Scopes | Self::Secrets | Self::AdminOf
        )
    }

    pub(in crate::admin) fn items(self) -> Option<&'static ObjectSchema> {
        match self {
            Self::Resources => Some(&RESOURCE),
            Self::Clients => Some(&CLIENT),
            Self::Secrets => Some(&SECRET),
            _ => None,
        }
    }

    pub(in crate::admin) fn expected(self) -> &'static str {
        match self {
            Self::Resources | Self::Clients | Self::Secrets => "a list of objects",
            Self::Scopes => "a list of names, or of objects with name and description",
            Self::SecretPolicy => "an object such as {\"expires_in\": \"90d\"}, or null",
            Self::AdminOf => "a list of strings",
            _ => "a string",
        }
    }

    pub(in crate::admin) fn schema(self) -> Value {
        match self {
            Self::Source => json!({
                "type": "string",
                "maxLength": SourceName::MAX_LENGTH,
                "pattern": "^[a-zA-Z0-9]([a-zA-Z0-9._/-]*[a-zA-Z0-9])?$",
            }),
            Self::Resources => bounded_list(of_kind(&RESOURCE), MAX_OBJECTS),
            Self::Clients => bounded_list(of_kind(&CLIENT), MAX_OBJECTS),
            Self::Scopes => {
                let items = json!({ "anyOf": [Self::ScopeName.schema(), of_kind(&SCOPE)] });
                bounded_list(items, Scopes::MAX_COUNT)
            }
            Self::ScopeName => text("^[!#-\\[\\]-~]{1,128}$"),
            Self::ScopeDescription => json!({
                "type": "string",
                "maxLength": ResourceScope::MAX_DESCRIPTION_CHARS,
                "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
            }),
            Self::Algorithm => json!({ "enum": Algorithm::ALL.map(Algorithm::as_str) }),
            Self::Typ => json!({ "enum": [TokenTyp::AtJwt, TokenTyp::Jwt] }),
            Self::SecretPolicy => of_kind(&SECRET_POLICY),
            Self::Secrets => bounded_list(of_kind(&SECRET), MAX_DIGESTS),
            Self::SecretDigest => text("^sha256:[0-9a-fA-F]{64}$"),
            Self::AdminOf => {
                let owner = json!({ "type": "string", "maxLength": Owner::MAX_LENGTH });
                bounded_list(owner, MAX_ADMIN_OF)
            }
        }
    }
}

pub(super) static DOCUMENT: ObjectSchema = ObjectSchema {
    name: "a document",
    required: &[],
    exclusive: &[],
    one_of: &[],
    members: &[
        member(
            "source",
            MemberType::Declared(DeclaredType::Source),
            "The name of the place where these objects are declared, such as a git repository.",
        ),
        member(
            "resources",
            MemberType::Declared(DeclaredType::Resources),
            "APIs that tokens are for.",
        ),
        member(
            "clients",
            MemberType::Declared(DeclaredType::Clients),
            "Machines that request tokens.",
        ),
    ],
};

/// An element of `resources`.
pub(super) static RESOURCE: ObjectSchema = ObjectSchema {
    name: "a resource",
    required: &["resource"],
    exclusive: &[],
    one_of: &[],
    members: &[
        member("resource", MemberType::Uri, "Its identifier, the aud of its tokens."),
        member("owner", MemberType::Owner, "The team that it belongs to. Default: none."),
        member("description", MemberType::Description, "What it is for."),
        member("contact", MemberType::Contact, "How to reach its team."),
        member("labels", MemberType::Labels, "Its labels: keys with values."),
        member("scopes", MemberType::Declared(DeclaredType::Scopes), "The scopes that it offers."),
        member(
            "token_lifetime",
            MemberType::Duration,
            "Lifetime of its tokens: seconds, or a string with a unit. Default: as the server says.",
        ),
        member(
            "signing_alg",
            MemberType::Declared(DeclaredType::Algorithm),
            "The algorithm of its tokens. Default: as the server says.",
        ),
        member(
            "token_typ",
            MemberType::Declared(DeclaredType::Typ),
            "The typ of its tokens. Default: at+jwt.",
        ),
    ],
};

/// An element of `scopes` of a resource.
pub(super) static SCOPE: ObjectSchema = ObjectSchema {
    name: "a scope",
    required: &["name"],
    exclusive: &[],
    one_of: &[],
    members: &[
        member("name", MemberType::Declared(DeclaredType::ScopeName), "Its name."),
        member(
            "description",
            MemberType::Declared(DeclaredType::ScopeDescription),
            "What it permits, for people.",
        ),
    ],
};

/// The members of a client that imports do not have.
const OWN_MEMBERS: [Member; 3] = [
    member(
        "secret",
        MemberType::Declared(DeclaredType::SecretPolicy),
        "A secret is generated if it has no valid one; null for none. Default: generated if it may \
         authenticate by a secret and lists none in secrets.",
    ),
    member(
        "secrets",
        MemberType::Declared(DeclaredType::Secrets),
        "Secrets that were generated offline, each by its digest.",
    ),
    member(
        "admin_of",
        MemberType::Declared(DeclaredType::AdminOf),
        "The owners whose objects it may administer. Default: all.",
    ),
];

/// An element of `clients`.
pub(super) static CLIENT: ObjectSchema = ObjectSchema {
    name: "a client",
    required: &["client_id"],
    exclusive: &[KEY_SOURCES, SUBJECTS],
    one_of: &[],
    members: &joined::<{ CLIENT_MEMBERS.len() + OWN_MEMBERS.len() }>(&CLIENT_MEMBERS, &OWN_MEMBERS),
};

/// The member `secret` of a client.
pub(super) static SECRET_POLICY: ObjectSchema = ObjectSchema {
    name: "a secret policy",
    required: &[],
    exclusive: &[],
    one_of: &[],
    members: &[
        member("label", MemberType::Label, "The label of a generated secret."),
        member(
            "expires_in",
            MemberType::Duration,
            "How long a generated secret is valid: seconds, or a string with a unit. Default: it \
             does not expire.",
        ),
    ],
};

/// An element of `secrets` of a client.
static SECRET: ObjectSchema = ObjectSchema {
    name: "a secret",
    required: &["secret_digest"],
    exclusive: &[],
    one_of: &[],
    members: &[
        member(
            "secret_digest",
            MemberType::Declared(DeclaredType::SecretDigest),
            "The digest of a secret that was generated offline.",
        ),
        member("label", MemberType::Label, "What people call it."),
        member("expires_at", MemberType::Time, "When it ends. Default: never."),
    ],
};

/// Returns the JSON Schema (draft 2020-12) of a document, or of a list of documents. The apply
/// itself checks that resources exist and that keys can be used.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Declarations of resources and clients",
        "anyOf": [
            { "$ref": "#/$defs/document" },
            {
                "type": "object",
                "additionalProperties": false,
                "required": ["documents"],
                "properties": {
                    "documents": { "type": "array", "items": { "$ref": "#/$defs/document" } },
                },
            },
        ],
        "$defs": { "document": of_kind(&DOCUMENT) },
    })
}
