//! Clients and secrets as the admin API writes and reads them.

#![expect(clippy::option_option, reason = "RFC 7396 tells null from an absent member")]

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::admin::AdminError;
use crate::admin::claims::ClaimsChange;
use crate::admin::client::{ClientUpdate, NewClient};
use crate::admin::secret::NewSecret;
use crate::app::App;
use crate::model::client::{
    AuthenticationMethod, ClientId, ClientName, ClientState, GrantType, Registration,
};
use crate::model::facts::Facts;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::secret::{SecretId, SecretKind, SecretRecord};
use crate::model::secret_digest::SecretDigest;
use crate::model::secret_status::SecretStatus;
use crate::model::security::ClientSecurity;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};
use crate::model::trust::FederatedCredential;
use crate::model::usage::Usage;
use crate::web::management::Problem;
use crate::web::management::facts_json::{FactsInput, FactsPatch, LabelsPatch};
use crate::web::management::grant_json::{GrantInput, GrantJson, networks};
use crate::web::management::json::{at, parsed, present};
use crate::web::management::security_json::{audiences, grant_types, keys, owners, tls_subject};

/// A client.
#[derive(Debug, Serialize)]
pub(super) struct ClientJson {
    client_id: ClientId,
    name: ClientName,
    #[serde(flatten)]
    facts: Facts,
    state: ClientState,
    auth_methods: Vec<AuthenticationMethod>,
    grant_types: Vec<GrantType>,
    token_ttl_seconds: Option<i64>,
    token_rate: Option<RateLimit>,
    #[serde(flatten)]
    security: ClientSecurity,
    leak_policy: LeakPolicy,
    claims: StaticClaims,
    grants: Vec<GrantJson>,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_used_at: Option<Timestamp>,
    /// Whether a valid secret expires within `secrets.warn_before`.
    expiring_soon: bool,
    admin_of: Option<BTreeSet<Owner>>,
    secrets: Vec<SecretJson>,
    trusts: Vec<FederatedCredential>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spiffe_trusts: Vec<SpiffeTrust>,
    /// The use of its other credentials.
    usage: Option<Usage>,
}

impl ClientJson {
    /// A client as it is now.
    pub(super) fn of(app: &App, found: Registration) -> Self {
        let (now, warn_before) =
            (app.services.clock.now(), app.services.config.secrets.warn_before);
        let is_soon = |secret: &SecretRecord| secret.expires_within(now, warn_before);
        let expiring_soon = found.secrets.iter().any(is_soon);
        let of_secrets = found.secrets.iter().filter_map(|secret| secret.usage);
        let last_used_at = of_secrets.chain(found.usage).map(|usage| usage.last_used_at).max();
        let client = found.client;
        Self {
            client_id: client.client_id,
            name: client.name,
            facts: client.facts,
            state: client.state,
            auth_methods: client.auth_methods,
            grant_types: client.grant_types,
            token_ttl_seconds: client.token_lifetime.map(Lifetime::seconds),
            token_rate: client.token_rate,
            security: client.security,
            leak_policy: client.leak_policy,
            claims: client.claims,
            grants: found.grants.into_iter().map(GrantJson::from).collect(),
            created_at: client.created_at,
            updated_at: client.updated_at,
            last_used_at,
            expiring_soon,
            admin_of: client.admin_of,
            secrets: found.secrets.into_iter().map(SecretJson::from).collect(),
            trusts: found.trusts,
            spiffe_trusts: found.spiffe_trusts,
            usage: found.usage,
        }
    }
}

/// A secret, of which only the last characters are known.
#[derive(Debug, Serialize)]
pub(super) struct SecretJson {
    secret_id: SecretId,
    label: String,
    kind: &'static str,
    suffix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_digest: Option<String>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    /// The secret that a rotation replaced it by.
    replaced_by: Option<SecretId>,
    /// How long it must be unused to end before `expires_at`.
    unused_window_seconds: Option<Lifetime>,
    /// When it was first reported as leaked.
    leaked_at: Option<Timestamp>,
    usage: Option<Usage>,
    /// Whether it is safe to end and why, and whether it expires soon.
    #[serde(flatten)]
    status: Option<SecretStatus>,
}

impl From<SecretRecord> for SecretJson {
    fn from(secret: SecretRecord) -> Self {
        Self {
            secret_id: secret.secret_id,
            label: secret.label,
            kind: match secret.kind {
                SecretKind::Generated => "generated",
                SecretKind::Imported => "imported",
                SecretKind::Digest => "digest",
            },
            suffix: secret.suffix,
            secret_digest: secret.hash.digest().map(ToString::to_string),
            created_at: secret.created_at,
            expires_at: secret.expires_at,
            replaced_by: secret.replaced_by,
            unused_window_seconds: secret.unused_window,
            leaked_at: secret.leaked_at,
            usage: secret.usage,
            status: secret.status,
        }
    }
}

/// A client to be created.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientInput {
    client_id: Option<String>,
    name: Option<String>,
    owner: Option<String>,
    description: Option<String>,
    contact: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    auth_methods: Vec<String>,
    token_ttl_seconds: Option<i64>,
    token_rate: Option<String>,
    #[serde(default, alias = "dpop_bound_access_tokens")]
    dpop_bound: bool,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    grants: Vec<GrantInput>,
    leak_policy: Option<String>,
    secret: Option<SecretInput>,
    #[serde(default)]
    grant_types: Vec<String>,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    #[serde(default, rename = "tls_client_certificate_bound_access_tokens")]
    certificate_bound: bool,
    tls_client_auth_subject_dn: Option<String>,
    tls_client_auth_san_dns: Option<String>,
    tls_client_auth_san_uri: Option<String>,
    tls_client_auth_san_ip: Option<String>,
    tls_client_auth_san_email: Option<String>,
    #[serde(default)]
    assertion_audiences: Vec<String>,
    claims: Option<Value>,
    admin_of: Option<Vec<String>>,
}

/// What a secret should be like.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretInput {
    #[serde(default)]
    label: String,
    expires_in_seconds: Option<i64>,
    /// The SHA-256 of a secret that was generated offline; it is generated here if absent.
    secret_digest: Option<String>,
}

impl ClientInput {
    /// The client that the body describes.
    pub(super) fn new_client(self) -> Result<NewClient, Problem> {
        let (owner, description) = (self.owner, self.description);
        let facts = FactsInput { owner, description, contact: self.contact, labels: self.labels };
        let grants = self.grants.into_iter().enumerate();
        let grants = grants.map(|(index, grant)| grant.grant(&format!("/grants/{index}")));
        let subject = tls_subject([
            ("subject_dn", self.tls_client_auth_subject_dn),
            ("san_dns", self.tls_client_auth_san_dns),
            ("san_uri", self.tls_client_auth_san_uri),
            ("san_ip", self.tls_client_auth_san_ip),
            ("san_email", self.tls_client_auth_san_email),
        ])?;
        Ok(NewClient {
            client_id: parsed("/client_id", self.client_id, ClientId::parse_new)?,
            name: parsed("/name", self.name, ClientName::parse)?,
            auth_methods: methods(&self.auth_methods)?,
            grant_types: grant_types(&self.grant_types)?,
            token_lifetime: lifetime("/token_ttl_seconds", self.token_ttl_seconds)?,
            token_rate: parsed("/token_rate", self.token_rate, RateLimit::parse)?,
            grants: grants.collect::<Result<_, _>>()?,
            security: ClientSecurity {
                keys: keys(self.jwks, self.jwks_uri)?,
                dpop_bound: self.dpop_bound,
                tls_subject: subject,
                certificate_bound: self.certificate_bound,
                networks: networks("/networks", &self.networks)?,
                assertion_audiences: audiences(&self.assertion_audiences)?,
            },
            leak_policy: parsed("/leak_policy", self.leak_policy, LeakPolicy::parse)?
                .unwrap_or_default(),
            claims: claims(self.claims)?,
            facts: facts.facts()?,
            admin_of: self.admin_of.as_deref().map(owners).transpose()?,
            secret: self.secret.unwrap_or_default().new_secret("/secret")?,
        })
    }
}

impl SecretInput {
    /// The secret that the body describes.
    pub(super) fn new_secret(self, pointer: &str) -> Result<NewSecret, Problem> {
        let expiry = format!("{pointer}/expires_in_seconds");
        let digest = format!("{pointer}/secret_digest");
        Ok(NewSecret {
            label: self.label,
            lifetime: lifetime(&expiry, self.expires_in_seconds)?,
            digest: parsed(&digest, self.secret_digest, SecretDigest::parse)?,
        })
    }
}

/// What should change about a client (RFC 7396): an absent member stays, `null` goes back to the
/// default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientPatch {
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    owner: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    contact: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    labels: Option<LabelsPatch>,
    auth_methods: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    token_ttl_seconds: Option<Option<i64>>,
    #[serde(default, deserialize_with = "present")]
    token_rate: Option<Option<String>>,
    #[serde(alias = "dpop_bound_access_tokens")]
    dpop_bound: Option<bool>,
    #[serde(alias = "tls_client_certificate_bound_access_tokens")]
    certificate_bound: Option<bool>,
    networks: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    leak_policy: Option<Option<String>>,
    grant_types: Option<Vec<String>>,
    tls_client_auth_subject_dn: Option<String>,
    tls_client_auth_san_dns: Option<String>,
    tls_client_auth_san_uri: Option<String>,
    tls_client_auth_san_ip: Option<String>,
    tls_client_auth_san_email: Option<String>,
    assertion_audiences: Option<Vec<String>>,
    claims: Option<BTreeMap<String, Option<Value>>>,
    #[serde(default, deserialize_with = "present")]
    admin_of: Option<Option<Vec<String>>>,
}

impl ClientPatch {
    /// The change that the body describes.
    pub(super) fn update(self) -> Result<ClientUpdate, Problem> {
        let (owner, description) = (self.owner, self.description);
        let facts = FactsPatch { owner, description, contact: self.contact, labels: self.labels };
        let ttl = self.token_ttl_seconds;
        let (rate, policy) = (self.token_rate, self.leak_policy);
        Ok(ClientUpdate {
            name: parsed("/name", self.name, ClientName::parse)?,
            auth_methods: self.auth_methods.as_deref().map(some_methods).transpose()?,
            token_lifetime: ttl.map(|ttl| lifetime("/token_ttl_seconds", ttl)).transpose()?,
            token_rate: rate
                .map(|rate| parsed("/token_rate", rate, RateLimit::parse))
                .transpose()?,
            dpop_bound: self.dpop_bound,
            certificate_bound: self.certificate_bound,
            networks: self.networks.map(|list| networks("/networks", &list)).transpose()?,
            leak_policy: policy
                .map(|policy| parsed("/leak_policy", policy, LeakPolicy::parse))
                .transpose()?
                .map(Option::unwrap_or_default),
            facts: facts.update()?,
            grant_types: self.grant_types.as_deref().map(grant_types).transpose()?,
            tls_subject: tls_subject([
                ("subject_dn", self.tls_client_auth_subject_dn),
                ("san_dns", self.tls_client_auth_san_dns),
                ("san_uri", self.tls_client_auth_san_uri),
                ("san_ip", self.tls_client_auth_san_ip),
                ("san_email", self.tls_client_auth_san_email),
            ])?,
            assertion_audiences: self.assertion_audiences.as_deref().map(audiences).transpose()?,
            claims: self.claims.map(claims_change).transpose()?,
            admin_of: self
                .admin_of
                .map(|owners_or_all| owners_or_all.as_deref().map(owners).transpose())
                .transpose()?,
        })
    }
}

/// The claims of a new client.
fn claims(claims: Option<Value>) -> Result<StaticClaims, Problem> {
    match claims {
        Some(claims) => Ok(StaticClaims::parse(&claims.to_string()).map_err(AdminError::from)?),
        None => Ok(StaticClaims::default()),
    }
}

/// A merge patch of claims: `null` removes one.
pub(super) fn claims_change(
    patch: BTreeMap<String, Option<Value>>,
) -> Result<ClaimsChange, Problem> {
    let (mut set, mut remove) = (Map::new(), Vec::new());
    for (name, value) in patch {
        match value {
            Some(value) => {
                set.insert(name, value);
            }
            None => remove.push(name),
        }
    }
    let set = StaticClaims::parse(&Value::Object(set).to_string()).map_err(AdminError::from)?;
    Ok(ClaimsChange::Edit { set, remove })
}

/// A number of seconds as a lifetime.
pub(super) fn lifetime(pointer: &str, seconds: Option<i64>) -> Result<Option<Lifetime>, Problem> {
    seconds.map(|seconds| at(pointer, Lifetime::from_seconds(seconds))).transpose()
}

/// The same where an empty list would leave the client without a way to authenticate.
fn some_methods(names: &[String]) -> Result<Vec<AuthenticationMethod>, Problem> {
    if names.is_empty() {
        return Err(Problem::member("/auth_methods".to_owned(), "at least one method"));
    }
    methods(names)
}

fn methods(names: &[String]) -> Result<Vec<AuthenticationMethod>, Problem> {
    let methods = names.iter().enumerate();
    methods
        .map(|(index, name)| {
            at(&format!("/auth_methods/{index}"), AuthenticationMethod::parse(name))
        })
        .collect()
}
