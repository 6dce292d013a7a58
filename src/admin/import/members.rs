//! The members of an import line: the tables that define the parser and the JSON Schema.

use crate::admin::declarative::members::DeclaredType;
pub(in crate::admin) use crate::admin::import::json_type::JsonType;
use crate::text::suggestion;

/// The maximum number of grants of an imported client.
pub(in crate::admin) const MAX_GRANTS: usize = 1_000;

/// The schema of an object in an import line.
#[derive(Debug)]
pub(in crate::admin) struct ObjectSchema {
    /// The name of the object, with its article: `a client`.
    pub(in crate::admin) name: &'static str,
    pub(in crate::admin) members: &'static [Member],
    pub(in crate::admin) required: &'static [&'static str],
    /// The groups of members that exclude each other.
    pub(in crate::admin) exclusive: &'static [&'static [&'static str]],
    /// A group of which exactly one member is required, or an empty list.
    pub(in crate::admin) one_of: &'static [&'static str],
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Member {
    pub(in crate::admin) name: &'static str,
    pub(in crate::admin) value_type: MemberType,
    /// The meaning in one sentence, for the JSON Schema.
    pub(in crate::admin) about: &'static str,
}

/// The type of a member's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum MemberType {
    ClientId,
    Name,
    State,
    LeakPolicy,
    Secret,
    Hash,
    Label,
    Time,
    Duration,
    Rate,
    Flag,
    Methods,
    GrantTypes,
    Networks,
    Scopes,
    TokenEndpoints,
    Uri,
    KeySetUri,
    KeySet,
    Text,
    Patterns,
    Claims,
    Secrets,
    Grants,
    Trusts,
    TrustDomain,
    BundleEndpoint,
    SpiffeIds,
    SpiffeTrusts,
    Owner,
    Description,
    Contact,
    Labels,
    /// A type that only declarations have.
    Declared(DeclaredType),
}

impl MemberType {
    /// True if `null` is allowed; it means the default.
    pub(in crate::admin) fn is_nullable(self) -> bool {
        if let Self::Declared(declared) = self {
            return declared.is_nullable();
        }
        matches!(
            self,
            Self::Name
                | Self::Label
                | Self::Time
                | Self::Duration
                | Self::Rate
                | Self::LeakPolicy
                | Self::Scopes
                | Self::KeySet
                | Self::KeySetUri
                | Self::Text
                | Self::Owner
                | Self::Description
                | Self::Contact
                | Self::Labels
        )
    }

    /// True if a value of this JSON type is allowed.
    pub(in crate::admin) fn admits(self, json: JsonType) -> bool {
        match json {
            JsonType::Null => self.is_nullable(),
            JsonType::Number => self == Self::Duration,
            JsonType::Boolean => self == Self::Flag,
            JsonType::Array => self.is_list(),
            JsonType::Object => self.is_object(),
            JsonType::String => !self.is_list() && !self.is_object() && self != Self::Flag,
        }
    }

    fn is_object(self) -> bool {
        if let Self::Declared(declared) = self {
            return declared.is_object();
        }
        matches!(self, Self::KeySet | Self::Patterns | Self::Labels | Self::Claims)
    }

    fn is_list(self) -> bool {
        if let Self::Declared(declared) = self {
            return declared.is_list();
        }
        self.items().is_some()
            || matches!(
                self,
                Self::Methods
                    | Self::GrantTypes
                    | Self::Networks
                    | Self::Scopes
                    | Self::TokenEndpoints
            )
    }

    /// Returns the schema of the elements, for a list of objects.
    pub(in crate::admin) fn items(self) -> Option<&'static ObjectSchema> {
        match self {
            Self::Secrets => Some(&SECRET),
            Self::Grants => Some(&GRANT),
            Self::Trusts => Some(&TRUST),
            Self::SpiffeTrusts => Some(&SPIFFE_TRUST),
            Self::Declared(declared) => declared.items(),
            _ => None,
        }
    }

    /// Returns the expected value as errors describe it.
    pub(in crate::admin) fn expected(self) -> &'static str {
        match self {
            Self::Declared(declared) => declared.expected(),
            Self::Duration => "a number of seconds, or a string with a unit such as \"15m\"",
            Self::Flag => "true or false",
            Self::KeySet => "a JWK set, which is an object with the member keys",
            Self::Patterns => "an object of strings, such as {\"sub\": \"worker\"}",
            Self::Claims => "an object of claims, such as {\"tenant\": \"acme\"}",
            Self::Labels => "an object of strings, such as {\"env\": \"prod\"}",
            Self::Secrets | Self::Grants | Self::Trusts | Self::SpiffeTrusts => "a list of objects",
            _ if self.is_list() => "a list of strings",
            Self::Time => "a string such as \"2027-01-31T00:00:00Z\"",
            _ => "a string",
        }
    }
}

/// The members that name the subject of a certificate, with the kind of the subject.
pub(in crate::admin) const TLS_SUBJECTS: [(&str, &str); 5] = [
    ("tls_client_auth_subject_dn", "subject_dn"),
    ("tls_client_auth_san_dns", "san_dns"),
    ("tls_client_auth_san_uri", "san_uri"),
    ("tls_client_auth_san_ip", "san_ip"),
    ("tls_client_auth_san_email", "san_email"),
];

pub(in crate::admin) const fn member(
    name: &'static str,
    member_type: MemberType,
    about: &'static str,
) -> Member {
    Member { name, value_type: member_type, about }
}

/// The members of a client in both imports and declarations.
pub(in crate::admin) const CLIENT_MEMBERS: [Member; 27] = [
    member("client_id", MemberType::ClientId, "The id that the client sends."),
    member("name", MemberType::Name, "A name for people. Default: the id."),
    member("state", MemberType::State, "Whether it may get tokens. Default: active."),
    member("owner", MemberType::Owner, "The team that it belongs to. Default: none."),
    member("description", MemberType::Description, "What it is for."),
    member("contact", MemberType::Contact, "How to reach its team."),
    member("labels", MemberType::Labels, "Its labels: keys with values."),
    member("grants", MemberType::Grants, "The resources and scopes that it may ask for."),
    member("claims", MemberType::Claims, "Static claims of its tokens. Default: none."),
    member("auth_methods", MemberType::Methods, "How it may authenticate."),
    member("grant_types", MemberType::GrantTypes, "Default: client_credentials."),
    member(
        "token_lifetime",
        MemberType::Duration,
        "Lifetime of its tokens: seconds, or a string with a unit. Default: as the resource or \
         the server says.",
    ),
    member("token_rate", MemberType::Rate, "Its token rate limit, or off."),
    member("leak_policy", MemberType::LeakPolicy, "What ends a secret that leaked."),
    member("networks", MemberType::Networks, "The networks from which it may be used."),
    member("jwks", MemberType::KeySet, "Its public keys: a JWK set (RFC 7517)."),
    member("jwks_uri", MemberType::KeySetUri, "An https URL from which its keys are fetched."),
    member(
        "assertion_audiences",
        MemberType::TokenEndpoints,
        "URLs of this server's token endpoint that its assertions may name as aud.",
    ),
    member("trusts", MemberType::Trusts, "External issuers whose tokens authenticate it."),
    member(
        "spiffe_trusts",
        MemberType::SpiffeTrusts,
        "SPIFFE trust domains whose JWT-SVIDs authenticate it.",
    ),
    member(
        "tls_client_auth_subject_dn",
        MemberType::Text,
        "The distinguished name of its certificate (RFC 8705).",
    ),
    member("tls_client_auth_san_dns", MemberType::Text, "The DNS name of its certificate."),
    member("tls_client_auth_san_uri", MemberType::Text, "The URI of its certificate."),
    member("tls_client_auth_san_ip", MemberType::Text, "The IP address of its certificate."),
    member("tls_client_auth_san_email", MemberType::Text, "The mail address of its certificate."),
    member(
        "dpop_bound_access_tokens",
        MemberType::Flag,
        "Whether its tokens must be bound to a key (RFC 9449). Default: false.",
    ),
    member(
        "tls_client_certificate_bound_access_tokens",
        MemberType::Flag,
        "Whether its tokens must be bound to a certificate (RFC 8705). Default: false.",
    ),
];

const SECRET_MEMBERS: [Member; 3] = [
    member("client_secret", MemberType::Secret, "Its secret. For several, use secrets."),
    member("secret_hash", MemberType::Hash, "The argon2id hash of its secret (PHC string)."),
    member("secrets", MemberType::Secrets, "Its secrets, each with a label and an end."),
];

/// Keys are either given or fetched.
pub(in crate::admin) const KEY_SOURCES: &[&str] = &["jwks", "jwks_uri"];

/// A certificate has only one subject.
pub(in crate::admin) const SUBJECTS: &[&str] = &[
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];

/// Joins two tables.
pub(in crate::admin) const fn joined<const N: usize>(
    first: &[Member],
    second: &[Member],
) -> [Member; N] {
    let mut all = [first[0]; N];
    let mut place = 0;
    while place < N {
        all[place] = if place < first.len() { first[place] } else { second[place - first.len()] };
        place += 1;
    }
    all
}

/// A line of an import file.
pub(in crate::admin) static CLIENT: ObjectSchema = ObjectSchema {
    name: "a client",
    required: &["client_id"],
    exclusive: &[&["client_secret", "secret_hash"], KEY_SOURCES, SUBJECTS],
    one_of: &[],
    members: &joined::<30>(&CLIENT_MEMBERS, &SECRET_MEMBERS),
};

/// An element of `secrets`.
pub(in crate::admin) static SECRET: ObjectSchema = ObjectSchema {
    name: "a secret",
    required: &[],
    exclusive: &[],
    one_of: &["client_secret", "secret_hash"],
    members: &[
        member("client_secret", MemberType::Secret, "The secret itself."),
        member("secret_hash", MemberType::Hash, "Its argon2id hash (PHC string)."),
        member("label", MemberType::Label, "A label for people. Default: imported."),
        member("expires_at", MemberType::Time, "When it ends (RFC 3339, UTC). Default: no end."),
    ],
};

/// An element of `grants`.
pub(in crate::admin) static GRANT: ObjectSchema = ObjectSchema {
    name: "a grant",
    required: &["resource"],
    exclusive: &[],
    one_of: &[],
    members: &[
        member("resource", MemberType::Uri, "The identifier of a resource that exists."),
        member(
            "scopes",
            MemberType::Scopes,
            "Scopes of it. Default: every scope, also later ones.",
        ),
        member("networks", MemberType::Networks, "The networks from which the grant may be used."),
        member("claims", MemberType::Claims, "Static claims that replace those of the client."),
    ],
};

/// An element of `trusts`.
pub(in crate::admin) static TRUST: ObjectSchema = ObjectSchema {
    name: "a trust",
    required: &["issuer", "conditions"],
    exclusive: &[&["jwks", "jwks_uri"]],
    one_of: &[],
    members: &[
        member("issuer", MemberType::Uri, "The iss claim of its tokens, exactly."),
        member("audience", MemberType::Text, "A value of their aud claim. Default: this issuer."),
        member("conditions", MemberType::Patterns, "A pattern for each claim that is checked."),
        member("jwks", MemberType::KeySet, "The issuer's keys. Default: found by discovery."),
        member("jwks_uri", MemberType::KeySetUri, "An https URL of the issuer's keys."),
    ],
};

/// An element of `spiffe_trusts`.
pub(in crate::admin) static SPIFFE_TRUST: ObjectSchema = ObjectSchema {
    name: "a SPIFFE trust",
    required: &["trust_domain", "bundle_endpoint", "subject"],
    exclusive: &[],
    one_of: &[],
    members: &[
        member("trust_domain", MemberType::TrustDomain, "The name of the trust domain."),
        member("bundle_endpoint", MemberType::BundleEndpoint, "The https URL of its bundle."),
        member("subject", MemberType::SpiffeIds, "A SPIFFE ID of it, or a path prefix with /*."),
    ],
};

/// The names from other systems and common mistakes, with the intended member.
const SYNONYMS: [(&str, &str); 19] = [
    ("id", "client_id"),
    ("clientId", "client_id"),
    ("secret", "client_secret"),
    ("clientSecret", "client_secret"),
    ("hash", "secret_hash"),
    ("client_secret_hash", "secret_hash"),
    ("client_name", "name"),
    ("enabled", "state"),
    ("disabled", "state"),
    ("token_ttl", "token_lifetime"),
    ("token_ttl_seconds", "token_lifetime"),
    ("access_token_lifetime", "token_lifetime"),
    ("scope", "grants"),
    ("audience", "grants"),
    ("resources", "grants"),
    ("keys", "jwks"),
    ("ttl", "expires_at"),
    ("client_secret_expires_at", "expires_at"),
    ("claims", "conditions"),
];

impl ObjectSchema {
    pub(in crate::admin) fn member(&self, name: &str) -> Option<&'static Member> {
        self.members.iter().find(|member| member.name == name)
    }

    pub(in crate::admin) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.members.iter().map(|member| member.name)
    }

    /// Returns the member that an unknown name most likely means.
    pub(in crate::admin) fn nearest(&self, name: &str) -> Option<String> {
        let synonym = SYNONYMS.iter().find(|(other, _)| *other == name).map(|(_, meant)| *meant);
        let by_synonym = synonym.filter(|meant| self.member(meant).is_some()).map(str::to_owned);
        by_synonym.or_else(|| suggestion::nearest(name, self.names().map(str::to_owned)))
    }
}
