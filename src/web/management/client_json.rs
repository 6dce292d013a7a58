//! Clients and secrets as the admin API shows them.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::app::App;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{
    AuthenticationMethod, ClientId, ClientName, ClientState, GrantType, Registration,
};
use crate::model::facts::Facts;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::secret::{SecretId, SecretKind, SecretRecord};
use crate::model::secret_status::SecretStatus;
use crate::model::security::{KeySource, Networks, TlsSubject};
use crate::model::source::SourceName;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};
use crate::model::trust::FederatedCredential;
use crate::model::usage::Usage;
use crate::web::management::grant_json::GrantJson;

/// A client.
#[derive(Debug, Serialize)]
pub(super) struct ClientJson {
    client_id: ClientId,
    name: ClientName,
    #[serde(flatten)]
    facts: Facts,
    source: Option<SourceName>,
    state: ClientState,
    auth_methods: Vec<AuthenticationMethod>,
    grant_types: Vec<GrantType>,
    token_ttl_seconds: Option<i64>,
    token_rate: Option<RateLimit>,
    #[serde(flatten)]
    keys: Option<KeySource>,
    #[serde(flatten)]
    tls_subject: Option<TlsSubject>,
    dpop_bound_access_tokens: bool,
    tls_client_certificate_bound_access_tokens: bool,
    networks: Networks,
    assertion_audiences: AssertionAudiences,
    leak_policy: LeakPolicy,
    claims: StaticClaims,
    grants: Vec<GrantJson>,
    admin_of: Option<BTreeSet<Owner>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_used_at: Option<Timestamp>,
    /// Whether a valid secret expires within `secrets.warn_before`.
    expiring_soon: bool,
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
        let security = client.security;
        Self {
            client_id: client.client_id,
            name: client.name,
            facts: client.facts,
            source: client.source,
            state: client.state,
            auth_methods: client.auth_methods,
            grant_types: client.grant_types,
            token_ttl_seconds: client.token_lifetime.map(Lifetime::seconds),
            token_rate: client.token_rate,
            keys: security.keys,
            tls_subject: security.tls_subject,
            dpop_bound_access_tokens: security.dpop_bound,
            tls_client_certificate_bound_access_tokens: security.certificate_bound,
            networks: security.networks,
            assertion_audiences: security.assertion_audiences,
            leak_policy: client.leak_policy,
            claims: client.claims,
            grants: found.grants.into_iter().map(GrantJson::from).collect(),
            admin_of: client.admin_of,
            created_at: client.created_at,
            updated_at: client.updated_at,
            last_used_at,
            expiring_soon,
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
