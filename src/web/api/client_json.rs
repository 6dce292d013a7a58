//! Clients and secrets as the admin API shows them.

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

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
use crate::model::secret_digest::SecretDigest;
use crate::model::secret_status::SecretStatus;
use crate::model::security::{KeySource, Networks, TlsSubject};
use crate::model::source::SourceName;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};
use crate::model::trust::FederatedCredential;
use crate::model::usage::Usage;
use crate::web::api::grant_json::GrantJson;

/// A client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Client)]
pub(super) struct ClientJson {
    /// The identifier, sent in token requests. It never changes.
    client_id: ClientId,
    /// The display name.
    name: ClientName,
    #[serde(flatten)]
    facts: Facts,
    /// The source that the object is applied from. Other edits need `Tokend-Force: true`.
    #[schema(required = true)]
    source: Option<SourceName>,
    /// The state of the client.
    state: ClientState,
    /// The methods by which the client may authenticate.
    auth_methods: Vec<AuthenticationMethod>,
    /// The grant types that the client may use.
    grant_types: Vec<GrantType>,
    /// The lifetime of tokens; the setting of the server if `null`.
    #[schema(required = true, examples(900))]
    token_ttl_seconds: Option<i64>,
    /// The token rate limit of the client; the setting of the server if `null`.
    #[schema(required = true)]
    token_rate: Option<RateLimit>,
    #[serde(flatten)]
    #[schema(value_type = KeySource)]
    keys: Option<KeySource>,
    #[serde(flatten)]
    #[schema(value_type = TlsSubject)]
    tls_subject: Option<TlsSubject>,
    /// True if every token must be bound to a key by DPoP (RFC 9449).
    dpop_bound_access_tokens: bool,
    /// True if every token must be bound to a certificate (RFC 8705).
    tls_client_certificate_bound_access_tokens: bool,
    /// Networks from which the client may be used; anywhere if empty.
    networks: Networks,
    /// Further values that the `aud` of assertions may have.
    assertion_audiences: AssertionAudiences,
    /// What is done with a secret that is reported as leaked. Needs `secrets:write`.
    leak_policy: LeakPolicy,
    /// Claims that are added to every token. Needs `grants:write`.
    claims: StaticClaims,
    /// The resources that the client may access. Needs `grants:write`.
    grants: Vec<GrantJson>,
    /// The owners whose objects an administrator may manage: all if `null`, none of the objects if
    /// the list is empty. Needs `admins:write`.
    #[schema(required = true)]
    admin_of: Option<BTreeSet<Owner>>,
    /// When the object was created.
    created_at: Timestamp,
    /// When the object was last changed.
    updated_at: Timestamp,
    /// When the client last authenticated.
    #[schema(required = true)]
    last_used_at: Option<Timestamp>,
    /// True if a valid secret expires within `secrets.warn_before`.
    expiring_soon: bool,
    /// Its secrets, oldest first.
    secrets: Vec<SecretJson>,
    /// Its trusts in issuers.
    trusts: Vec<FederatedCredential>,
    /// Its trusts in SPIFFE trust domains; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spiffe_trusts: Vec<SpiffeTrust>,
    /// The use of its other credentials; `null` if none was used.
    #[schema(required = true)]
    usage: Option<Usage>,
}

impl ClientJson {
    /// Converts a client as it is now.
    pub(super) fn of(app: &App, found: Registration) -> Self {
        let (now, warn_before) =
            (app.services.clock.now(), app.services.config.secrets.warn_before);
        let is_soon = |secret: &SecretRecord| secret.expires_within(now, warn_before);
        let expiring_soon = found.secrets.iter().any(is_soon);
        let of_secrets = found.secrets.iter().filter_map(|secret| secret.usage);
        let last_used_at = of_secrets.chain(found.usage).map(|usage| usage.last_used_at).max();
        let client = found.client;
        let token = client.token;
        let security = token.security;
        Self {
            client_id: token.client_id,
            name: client.name,
            facts: client.facts,
            source: client.source,
            state: token.state,
            auth_methods: token.auth_methods,
            grant_types: token.grant_types,
            token_ttl_seconds: token.token_lifetime.map(Lifetime::seconds),
            token_rate: token.token_rate,
            keys: security.keys,
            tls_subject: security.tls_subject,
            dpop_bound_access_tokens: security.dpop_bound,
            tls_client_certificate_bound_access_tokens: security.certificate_bound,
            networks: security.networks,
            assertion_audiences: security.assertion_audiences,
            leak_policy: client.leak_policy,
            claims: token.claims,
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
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Secret)]
pub(super) struct SecretJson {
    /// Its identifier.
    secret_id: SecretId,
    /// The name of the secret for people; may be empty.
    #[schema(examples("2027"))]
    label: String,
    /// `generated` here, `imported` from another system, or registered by its `digest`.
    #[schema(examples("generated"))]
    kind: &'static str,
    /// Its last characters.
    #[schema(examples("19RbFA"))]
    suffix: String,
    /// Its digest, if it was registered by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SecretDigest>, nullable = false)]
    secret_digest: Option<String>,
    /// When it was created.
    created_at: Timestamp,
    /// When it expires; `null` if it does not.
    #[schema(required = true)]
    expires_at: Option<Timestamp>,
    /// The secret that replaced it in a rotation.
    #[schema(required = true)]
    replaced_by: Option<SecretId>,
    /// The time without use after which it ends before `expires_at`.
    #[schema(required = true)]
    unused_window_seconds: Option<Lifetime>,
    /// When it was first reported as leaked.
    #[schema(required = true)]
    leaked_at: Option<Timestamp>,
    /// Its use; `null` if it was not used.
    #[schema(required = true)]
    usage: Option<Usage>,
    /// Whether it is safe to end and why, and whether it expires soon.
    #[serde(flatten)]
    #[schema(value_type = SecretStatus)]
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
