//! The client object in the bodies of POST, PUT and PATCH. It accepts every member of a response.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::admin::client::claims::ClaimsChange;
use crate::admin::client::{ClientUpdate, NewClient, RightsNeeded};
use crate::admin::secret::NewSecret;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{AuthenticationMethod, ClientId, ClientName, ClientState, GrantType};
use crate::model::facts::{Contact, Description};
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::secret_digest::SecretDigest;
use crate::model::security::{KeySetUri, KeySource, Networks, TlsSubject};
use crate::model::source::SourceName;
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};
use crate::web::api::Problem;
use crate::web::api::facts_json::FactsMembers;
use crate::web::api::grant_json::{GrantInput, claims, claims_patch, grants, networks};
use crate::web::api::json::{at, lifetime, list};
use crate::web::api::member::{Member, Omitted};
use crate::web::api::read_only::ReadOnlyMembers;
use crate::web::api::security_json::{audiences, keys, tls_subject};

/// The members of a client.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClientInput, examples(json!({ "client_id": "acme", "name": "Acme billing", "owner": "sales", "labels": { "plan": "gold" }, "grants": [{ "resource": "https://orders.example.com", "scopes": ["orders:read"] }] })))]
pub(super) struct ClientDocument {
    /// The identifier, sent in token requests. It never changes; it is generated if absent.
    #[serde(default)]
    #[schema(value_type = Option<ClientId>)]
    client_id: Member<String>,
    /// The name for people; the identifier if absent.
    #[serde(default)]
    #[schema(value_type = Option<ClientName>)]
    name: Member<String>,
    /// The team that the object belongs to. Without one it belongs to unlimited administrators.
    #[serde(default)]
    #[schema(value_type = Option<Owner>)]
    owner: Member<String>,
    /// What the object is for.
    #[serde(default)]
    #[schema(value_type = Option<Description>)]
    description: Member<String>,
    /// How to reach the team.
    #[serde(default)]
    #[schema(value_type = Option<Contact>)]
    contact: Member<String>,
    /// Keys with values, for selection. In a PATCH, `null` removes one label.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    labels: Member<BTreeMap<String, Option<String>>>,
    /// The state of the client; unchanged if absent.
    #[serde(default)]
    #[schema(value_type = ClientState, required = false)]
    state: Member<String>,
    /// The methods by which the client may authenticate; by a secret if absent.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AuthenticationMethod>>, min_items = 1)]
    auth_methods: Member<Vec<String>>,
    /// The grant types that the client may use; `client_credentials` if absent.
    #[serde(default)]
    #[schema(value_type = Option<Vec<GrantType>>, min_items = 1)]
    grant_types: Member<Vec<String>>,
    /// The lifetime of tokens; the setting of the server if `null`.
    #[serde(default)]
    #[schema(value_type = Option<Lifetime>)]
    token_ttl_seconds: Member<i64>,
    /// The token rate limit of the client; the setting of the server if `null`.
    #[serde(default)]
    #[schema(value_type = Option<RateLimit>)]
    token_rate: Member<String>,
    /// What is done with a secret that is reported as leaked. Needs `secrets:write`.
    #[serde(default)]
    #[schema(value_type = Option<LeakPolicy>)]
    leak_policy: Member<String>,
    /// True if every token must be bound to a key by DPoP (RFC 9449).
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    dpop_bound_access_tokens: Member<bool>,
    /// True if every token must be bound to a certificate (RFC 8705).
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    tls_client_certificate_bound_access_tokens: Member<bool>,
    /// Networks from which the client may be used; anywhere if empty.
    #[serde(default)]
    #[schema(value_type = Option<Networks>)]
    networks: Member<Vec<String>>,
    /// Further values that the `aud` of assertions may have.
    #[serde(default)]
    #[schema(value_type = Option<AssertionAudiences>)]
    assertion_audiences: Member<Vec<String>>,
    /// Claims that are added to every token. Needs `grants:write`.
    #[serde(default)]
    #[schema(value_type = Option<StaticClaims>)]
    claims: Member<Box<RawValue>>,
    /// The resources that the client may access. Needs `grants:write`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<GrantInput>>)]
    grants: Member<Vec<GrantInput>>,
    /// The owners whose objects an administrator may manage: all if `null`, none of the objects if
    /// the list is empty. Needs `admins:write`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Owner>>)]
    admin_of: Member<Vec<String>>,
    /// The first secret, of a POST only. Needs `secrets:write`.
    #[serde(default)]
    #[schema(value_type = Option<SecretInput>)]
    secret: Member<SecretInput>,
    /// The public keys that verify assertions (RFC 7517). Only a POST sets them, with
    /// `secrets:write`; later `/keys` changes them.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    jwks: Member<Value>,
    /// The URL of the public keys, instead of `jwks`. Only a POST sets it, with `secrets:write`.
    #[serde(default)]
    #[schema(value_type = Option<KeySetUri>)]
    jwks_uri: Member<Value>,
    /// The distinguished name in the certificate (RFC 8705). POST and PATCH set it, with `secrets:write`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tls_client_auth_subject_dn: Member<Value>,
    /// A DNS name in the certificate (RFC 8705). POST and PATCH set it, with `secrets:write`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tls_client_auth_san_dns: Member<Value>,
    /// A URI in the certificate (RFC 8705). POST and PATCH set it, with `secrets:write`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tls_client_auth_san_uri: Member<Value>,
    /// An address in the certificate (RFC 8705). POST and PATCH set it, with `secrets:write`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tls_client_auth_san_ip: Member<Value>,
    /// A mail address in the certificate (RFC 8705). POST and PATCH set it, with `secrets:write`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tls_client_auth_san_email: Member<Value>,
    /// The source that the object is applied from. Other edits need `Tokend-Force: true`.
    #[serde(default)]
    #[schema(value_type = Option<SourceName>, read_only)]
    source: Member<Value>,
    /// When the object was created.
    #[serde(default)]
    #[schema(value_type = Option<Timestamp>, read_only)]
    created_at: Member<Value>,
    /// When the object was last changed.
    #[serde(default)]
    #[schema(value_type = Option<Timestamp>, read_only)]
    updated_at: Member<Value>,
    /// When the client last authenticated.
    #[serde(rename = "last_used_at", default)]
    #[schema(value_type = Option<Timestamp>, read_only)]
    _last_used_at: Member<Value>,
    /// True if a valid secret expires within `secrets.warn_before`.
    #[serde(rename = "expiring_soon", default)]
    #[schema(value_type = Option<bool>, read_only)]
    _expiring_soon: Member<Value>,
    /// Ignored: secrets have routes of their own.
    #[serde(rename = "secrets", default)]
    #[schema(value_type = Option<Vec<Object>>, read_only)]
    _secrets: Member<IgnoredAny>,
    /// Ignored: trusts have routes of their own.
    #[serde(rename = "trusts", default)]
    #[schema(value_type = Option<Vec<Object>>, read_only)]
    _trusts: Member<IgnoredAny>,
    /// Ignored: trusts have routes of their own.
    #[serde(rename = "spiffe_trusts", default)]
    #[schema(value_type = Option<Vec<Object>>, read_only)]
    _spiffe_trusts: Member<IgnoredAny>,
    /// Ignored: it changes by itself.
    #[serde(rename = "usage", default)]
    #[schema(value_type = Option<Object>, read_only)]
    _usage: Member<IgnoredAny>,
}

/// The properties of a new secret.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = NewSecret, examples(json!({ "label": "2027", "expires_in_seconds": 7_776_000 })))]
pub(super) struct SecretInput {
    /// The name of the secret for people.
    label: String,
    /// The lifetime of the secret; it does not expire if absent.
    #[schema(value_type = Option<Lifetime>)]
    expires_in_seconds: Option<i64>,
    /// The SHA-256 of a secret that was generated offline; it is generated here if absent.
    #[schema(value_type = Option<SecretDigest>)]
    secret_digest: Option<String>,
}

impl SecretInput {
    /// Converts the body to a secret.
    pub(super) fn new_secret(self, pointer: &str) -> Result<NewSecret, Problem> {
        let seconds = self.expires_in_seconds;
        let expiry = format!("{pointer}/expires_in_seconds");
        let lifetime = seconds.map(|seconds| lifetime(&expiry, seconds)).transpose()?.flatten();
        let digest = self
            .secret_digest
            .map(|text| at(&format!("{pointer}/secret_digest"), SecretDigest::parse(&text)));
        Ok(NewSecret { label: self.label, lifetime, digest: digest.transpose()? })
    }
}

impl ClientDocument {
    /// Converts the body of a POST to a client with its first secret.
    pub(super) fn new_client(mut self) -> Result<NewClient, Problem> {
        let (keys, tls_subject) = (self.take_keys()?, self.take_tls_subject()?);
        self.take_read_only().check(&Value::Null)?;
        let id = std::mem::take(&mut self.client_id);
        let id = id.text(Omitted::HasDefault, "/client_id", ClientId::parse_new)?.flatten();
        let secret = match std::mem::take(&mut self.secret) {
            Member::Absent => Some(NewSecret::default()),
            // No secret is generated, as in a declarative document.
            Member::Null => None,
            Member::Value(input) => Some(input.new_secret("/secret")?),
        };
        let members = self.update(id.as_ref(), Omitted::HasDefault)?;
        let mut new = members.into_new(id, secret)?;
        new.security.keys = keys;
        new.security.tls_subject = tls_subject;
        Ok(new)
    }

    /// Takes the keys of a new client. An existing client has separate routes for its keys.
    fn take_keys(&mut self) -> Result<Option<KeySource>, Problem> {
        let set = take_value(&mut self.jwks);
        let uri = take_value(&mut self.jwks_uri);
        keys(set, uri.map(|uri| text("/jwks_uri", uri)).transpose()?)
    }

    /// Takes the subject of the certificate, if present. `null` is left as a read-only member.
    pub(super) fn take_tls_subject(&mut self) -> Result<Option<TlsSubject>, Problem> {
        let [subject_dn, san_dns, san_uri, san_ip, san_email] = [
            ("subject_dn", &mut self.tls_client_auth_subject_dn),
            ("san_dns", &mut self.tls_client_auth_san_dns),
            ("san_uri", &mut self.tls_client_auth_san_uri),
            ("san_ip", &mut self.tls_client_auth_san_ip),
            ("san_email", &mut self.tls_client_auth_san_email),
        ]
        .map(|(kind, member)| {
            let value = take_value(member);
            let read = |value| text(&format!("/tls_client_auth_{kind}"), value);
            value.map(read).transpose().map(|value| (kind, value))
        });
        tls_subject([subject_dn?, san_dns?, san_uri?, san_ip?, san_email?])
    }

    /// Converts the body to an update of the client `id`, or to a new client if `id` is `None`.
    pub(super) fn update(
        self,
        id: Option<&ClientId>,
        omitted: Omitted,
    ) -> Result<ClientUpdate, Problem> {
        self.check_fixed_members(id)?;
        let facts = FactsMembers {
            owner: self.owner,
            description: self.description,
            contact: self.contact,
            labels: self.labels,
        };
        let (rates, policy) = (self.token_rate, self.leak_policy);
        let named = self.name.text(omitted, "/name", ClientName::parse)?;
        let name = named.and_then(|name| name.or_else(|| id.map(ClientName::of_id)));
        Ok(ClientUpdate {
            rights: match omitted {
                Omitted::Stays => RightsNeeded::ForEachMember,
                Omitted::HasDefault => RightsNeeded::ForEachDifference,
            },
            name,
            state: state(self.state)?,
            auth_methods: self.auth_methods.read(omitted, |names| some_methods(&names))?,
            grant_types: self.grant_types.read(omitted, |names| {
                at_least_one("/grant_types", &names)?;
                list("/grant_types", &names, GrantType::parse)
            })?,
            token_lifetime: self
                .token_ttl_seconds
                .read(omitted, |seconds| lifetime("/token_ttl_seconds", seconds))?,
            token_rate: rates.text(omitted, "/token_rate", RateLimit::parse)?,
            leak_policy: policy
                .text(omitted, "/leak_policy", LeakPolicy::parse)?
                .map(Option::unwrap_or_default),
            dpop_bound: self.dpop_bound_access_tokens.read(omitted, Ok)?,
            certificate_bound: self.tls_client_certificate_bound_access_tokens.read(omitted, Ok)?,
            networks: self.networks.read(omitted, |list| networks("/networks", &list))?,
            assertion_audiences: self.assertion_audiences.read(omitted, |urls| audiences(&urls))?,
            claims: claims_change(self.claims, omitted)?,
            grants: self.grants.read(omitted, grants)?,
            facts: facts.update(omitted)?,
            admin_of: self.admin_of.read(omitted, |names| {
                let owners: Vec<Owner> = list("/admin_of", &names, Owner::parse)?;
                Ok(Some(owners.into_iter().collect::<BTreeSet<_>>()))
            })?,
            ..ClientUpdate::default()
        })
    }

    /// Takes the read-only members.
    pub(super) fn take_read_only(&mut self) -> ReadOnlyMembers {
        let mut members = ReadOnlyMembers::default();
        for (name, member) in [
            ("jwks", &mut self.jwks),
            ("jwks_uri", &mut self.jwks_uri),
            ("tls_client_auth_subject_dn", &mut self.tls_client_auth_subject_dn),
            ("tls_client_auth_san_dns", &mut self.tls_client_auth_san_dns),
            ("tls_client_auth_san_uri", &mut self.tls_client_auth_san_uri),
            ("tls_client_auth_san_ip", &mut self.tls_client_auth_san_ip),
            ("tls_client_auth_san_email", &mut self.tls_client_auth_san_email),
            ("source", &mut self.source),
            ("created_at", &mut self.created_at),
            ("updated_at", &mut self.updated_at),
        ] {
            members.add(name, std::mem::take(member));
        }
        members
    }

    /// Rejects an id that differs from the path, and a secret outside of a POST.
    fn check_fixed_members(&self, id: Option<&ClientId>) -> Result<(), Problem> {
        match (&self.client_id, id) {
            (Member::Value(given), Some(id)) if given != id.as_str() => {
                let text = format!("client_id is read-only: the path names {id}; leave it out");
                return Err(Problem::member("/client_id".to_owned(), text));
            }
            _ => {}
        }
        match &self.secret {
            Member::Value(_) => {
                let text = "only POST makes a secret with a client; POST …/secrets makes one more";
                Err(Problem::member("/secret".to_owned(), text))
            }
            Member::Absent | Member::Null => Ok(()),
        }
    }
}

/// Takes the value of a member, if it has one.
fn take_value(member: &mut Member<Value>) -> Option<Value> {
    match std::mem::take(member) {
        Member::Value(value) => Some(value),
        other => {
            *member = other;
            None
        }
    }
}

fn text(pointer: &str, value: Value) -> Result<String, Problem> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Problem::member(pointer.to_owned(), "not a string")),
    }
}

/// Parses the state. It has no default: a disabled client stays disabled until a caller enables it.
fn state(member: Member<String>) -> Result<Option<ClientState>, Problem> {
    match member {
        Member::Absent => Ok(None),
        Member::Null => {
            Err(Problem::member("/state".to_owned(), "state is null; write active or disabled"))
        }
        Member::Value(text) => at("/state", ClientState::parse(&text)).map(Some),
    }
}

fn claims_change(
    member: Member<Box<RawValue>>,
    omitted: Omitted,
) -> Result<Option<ClaimsChange>, Problem> {
    Ok(match (member, omitted) {
        (Member::Absent, Omitted::Stays) => None,
        (Member::Absent | Member::Null, _) => Some(ClaimsChange::Replace(StaticClaims::default())),
        (Member::Value(raw), Omitted::HasDefault) => {
            Some(ClaimsChange::Replace(claims("/claims", &raw)?))
        }
        (Member::Value(raw), Omitted::Stays) => Some(claims_patch(&raw)?),
    })
}

fn some_methods(names: &[String]) -> Result<Vec<AuthenticationMethod>, Problem> {
    at_least_one("/auth_methods", names)?;
    list("/auth_methods", names, AuthenticationMethod::parse)
}

/// Rejects an empty list, which would leave a client unable to get a token.
fn at_least_one(pointer: &str, names: &[String]) -> Result<(), Problem> {
    let text = "the list is empty; leave it out or write null for the default";
    if names.is_empty() { Err(Problem::member(pointer.to_owned(), text)) } else { Ok(()) }
}
