//! A client as callers write it: the body of POST, PUT and PATCH, with every member of an answer.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::admin::claims::ClaimsChange;
use crate::admin::client::{ClientUpdate, NewClient, RightsNeeded};
use crate::admin::secret::NewSecret;
use crate::model::client::{AuthenticationMethod, ClientId, ClientName, ClientState, GrantType};
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::secret_digest::SecretDigest;
use crate::model::security::{KeySource, TlsSubject};
use crate::model::static_claims::StaticClaims;
use crate::web::management::Problem;
use crate::web::management::facts_json::FactsMembers;
use crate::web::management::grant_json::{GrantInput, claims, claims_patch, grants, networks};
use crate::web::management::json::{at, lifetime, list};
use crate::web::management::member::{Member, Omitted};
use crate::web::management::read_only::ReadOnlyMembers;
use crate::web::management::security_json::{audiences, keys, tls_subject};

/// The members of a client.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ClientDocument {
    client_id: Member<String>,
    name: Member<String>,
    owner: Member<String>,
    description: Member<String>,
    contact: Member<String>,
    labels: Member<BTreeMap<String, Option<String>>>,
    state: Member<String>,
    auth_methods: Member<Vec<String>>,
    grant_types: Member<Vec<String>>,
    token_ttl_seconds: Member<i64>,
    token_rate: Member<String>,
    leak_policy: Member<String>,
    dpop_bound_access_tokens: Member<bool>,
    tls_client_certificate_bound_access_tokens: Member<bool>,
    networks: Member<Vec<String>>,
    assertion_audiences: Member<Vec<String>>,
    claims: Member<Box<RawValue>>,
    grants: Member<Vec<GrantInput>>,
    admin_of: Member<Vec<String>>,
    secret: Member<SecretInput>,
    jwks: Member<Value>,
    jwks_uri: Member<Value>,
    tls_client_auth_subject_dn: Member<Value>,
    tls_client_auth_san_dns: Member<Value>,
    tls_client_auth_san_uri: Member<Value>,
    tls_client_auth_san_ip: Member<Value>,
    tls_client_auth_san_email: Member<Value>,
    source: Member<Value>,
    created_at: Member<Value>,
    updated_at: Member<Value>,
    /// It changes by itself, so it is not compared.
    #[serde(rename = "last_used_at")]
    _last_used_at: Member<Value>,
    /// Likewise.
    #[serde(rename = "expiring_soon")]
    _expiring_soon: Member<Value>,
    /// The other credentials have routes of their own.
    #[serde(rename = "secrets")]
    _secrets: Member<IgnoredAny>,
    /// Likewise.
    #[serde(rename = "trusts")]
    _trusts: Member<IgnoredAny>,
    /// Likewise.
    #[serde(rename = "spiffe_trusts")]
    _spiffe_trusts: Member<IgnoredAny>,
    /// Their use changes by itself.
    #[serde(rename = "usage")]
    _usage: Member<IgnoredAny>,
}

/// What a secret should be like.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SecretInput {
    label: String,
    expires_in_seconds: Option<i64>,
    /// The SHA-256 of a secret that was generated offline; it is generated here if absent.
    secret_digest: Option<String>,
}

impl SecretInput {
    /// The secret that the body describes.
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
    /// The client that the body of a POST describes, with its first secret.
    pub(super) fn new_client(mut self) -> Result<NewClient, Problem> {
        let (keys, tls_subject) = (self.take_keys()?, self.take_tls_subject()?);
        self.take_read_only().check(&Value::Null)?;
        let id = std::mem::take(&mut self.client_id);
        let id = id.text(Omitted::HasDefault, "/client_id", ClientId::parse_new)?.flatten();
        let secret = match std::mem::take(&mut self.secret) {
            Member::Absent => Some(NewSecret::default()),
            // As in a declaration: no secret is made.
            Member::Null => None,
            Member::Value(input) => Some(input.new_secret("/secret")?),
        };
        let members = self.update(id.as_ref(), Omitted::HasDefault)?;
        let mut new = members.into_new(id, secret)?;
        new.security.keys = keys;
        new.security.tls_subject = tls_subject;
        Ok(new)
    }

    /// Takes out the keys of a new client. The keys of others have routes of their own.
    fn take_keys(&mut self) -> Result<Option<KeySource>, Problem> {
        let set = take_value(&mut self.jwks);
        let uri = take_value(&mut self.jwks_uri);
        keys(set, uri.map(|uri| text("/jwks_uri", uri)).transpose()?)
    }

    /// Takes out the subject of the certificate, if one is given. `null` stays: it is read-only.
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

    /// What the body changes about the client `id`, or the one to be made if it has no id yet.
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

    /// Takes out the members that the server writes.
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

    /// Refuses another id than that of the path, and a secret, which only a POST makes.
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

/// Takes out the value of a member, if it has one.
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

/// The state, which no default changes: a client that was disabled stays disabled until a caller
/// says otherwise.
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

/// Refuses an empty list where it would leave a client without a method to get a token.
fn at_least_one(pointer: &str, names: &[String]) -> Result<(), Problem> {
    if names.is_empty() {
        let text = "the list is empty; leave it out or write null for the default";
        return Err(Problem::member(pointer.to_owned(), text));
    }
    Ok(())
}
