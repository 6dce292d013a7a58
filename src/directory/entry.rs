//! A client in memory: what a token request needs of it, and no more. There may be a million, so
//! what many of them have alike is shared.

use std::sync::Arc;

use crate::directory::effective_grant::GrantEntry;
use crate::directory::usage::UseCounter;
use crate::jose::external_jwks::ExternalJwks;
use crate::limits::rate_counter::RateCounter;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{AuthenticationMethod, ClientId, ClientState, GrantType};
use crate::model::rate::RateLimit;
use crate::model::secret::SecretKind;
use crate::model::security::{KeySet, Networks, TlsSubject};
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::time::Lifetime;
use crate::model::trust::FederatedCredential;
use crate::remote_keys::RemoteKeys;
use crate::secrets::verification_cache::VerifiedSecretCache;
use crate::store::loaded_clients::LoadedSecret;
use crate::telemetry::metrics::per_client::ClientMeter;

/// A client in memory, with all that belongs to it.
#[derive(Debug)]
pub struct ClientEntry {
    /// Its identifier.
    pub client_id: ClientId,
    /// Whether it may get tokens.
    pub state: ClientState,
    /// How it may ask.
    pub allowed: Arc<AllowedMethods>,
    /// How long its tokens live, if it says so.
    pub token_lifetime: Option<Lifetime>,
    /// How many tokens it may have, if it says so.
    pub token_rate: Option<RateLimit>,
    /// The tokens it has been given by this instance.
    pub token_rate_counter: RateCounter,
    /// The tokens it has revoked by this instance.
    pub revocation_rate_counter: RateCounter,
    /// Counts its requests, if clients are counted one by one.
    pub meter: Option<Arc<ClientMeter>>,
    /// The assertions that it has used for something else than a token.
    pub assertion_rate_counter: RateCounter,
    /// Its security settings; most clients have none.
    pub security: Option<Box<SecurityEntry>>,
    /// Its secrets, each with its verification cache.
    pub secrets: Box<[SecretEntry]>,
    /// Its grants.
    pub grants: Box<[Arc<GrantEntry>]>,
}

/// The methods by which clients may request a token; most clients have the same.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct AllowedMethods {
    /// How the client may authenticate.
    pub auth_methods: Vec<AuthenticationMethod>,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
}

/// The security settings of a client: keys, certificate subject, networks, token binding.
#[derive(Debug, Default)]
pub struct SecurityEntry {
    /// Its public keys.
    pub keys: Option<KeysEntry>,
    /// The text of the keys that are registered here, which a snapshot stores.
    pub(super) key_set: Option<KeySet>,
    /// True if its tokens must be bound to a key of its own.
    pub dpop_bound: bool,
    /// The subject of the certificate that authenticates it, if a chain does.
    pub tls_subject: Option<TlsSubject>,
    /// True if its tokens must be bound to a certificate.
    pub certificate_bound: bool,
    /// Where it may be used from.
    pub networks: Networks,
    /// What the `aud` of its own assertions may be in addition to the issuer.
    pub assertion_audiences: AssertionAudiences,
    /// Foreign issuers whose tokens authenticate it.
    pub trusts: Box<[TrustEntry]>,
    /// SPIFFE trust domains whose JWT-SVIDs authenticate it.
    pub spiffe_trusts: Box<[SpiffeTrustEntry]>,
    /// The use of all this since the usage statistics were last written; outlives a change of the
    /// client.
    pub usage: Arc<UseCounter>,
}

/// A trust in memory.
#[derive(Debug)]
pub struct TrustEntry {
    /// What it is about.
    pub trust: FederatedCredential,
    /// The issuer's keys.
    pub keys: KeysEntry,
}

/// A trust in a SPIFFE trust domain, in memory.
#[derive(Debug)]
pub struct SpiffeTrustEntry {
    /// What it is about.
    pub trust: SpiffeTrust,
    /// The keys of the trust domain.
    pub keys: KeysEntry,
}

/// Public keys in memory.
#[derive(Debug, Clone)]
pub enum KeysEntry {
    /// They are registered here.
    Inline(Arc<ExternalJwks>),
    /// They are fetched from elsewhere.
    Remote(Arc<RemoteKeys>),
}

impl KeysEntry {
    /// The keys, if they are here already and not too old.
    pub fn keys(&self) -> Option<Arc<ExternalJwks>> {
        match self {
            Self::Inline(keys) => Some(keys.clone()),
            Self::Remote(keys) => keys.keys(),
        }
    }

    /// The same number for the same source of keys, and another one for every other that is held.
    pub fn address(&self) -> usize {
        match self {
            Self::Inline(keys) => Arc::as_ptr(keys).addr(),
            Self::Remote(set) => Arc::as_ptr(set).addr(),
        }
    }
}

/// A secret in memory.
#[derive(Debug)]
pub struct SecretEntry {
    /// What is stored of it.
    pub stored: LoadedSecret,
    /// What this process remembers of it; outlives a change of the client.
    pub memory: Arc<SecretMemory>,
}

/// What a process remembers of a secret.
#[derive(Debug, Default)]
pub struct SecretMemory {
    /// Whether it was verified, and its MAC for later requests.
    pub verified: VerifiedSecretCache,
    /// Its use since the usage statistics were last written.
    pub usage: UseCounter,
}

impl ClientEntry {
    /// The foreign issuers that it trusts, with the conditions.
    pub fn trusts(&self) -> &[TrustEntry] {
        self.security.as_ref().map_or(&[], |security| &security.trusts)
    }

    /// The SPIFFE trust domains that it trusts, with the workloads that are accepted.
    pub fn spiffe_trusts(&self) -> &[SpiffeTrustEntry] {
        self.security.as_ref().map_or(&[], |security| &security.spiffe_trusts)
    }

    /// How many of its secrets come from another system.
    pub fn imported_secrets(&self) -> usize {
        self.secrets.iter().filter(|secret| secret.stored.kind == SecretKind::Imported).count()
    }

    /// The memory of a secret, if it is still the same one.
    pub(super) fn memory_of(&self, secret: &LoadedSecret) -> Option<Arc<SecretMemory>> {
        self.secrets
            .iter()
            .find(|known| {
                known.stored.secret_id == secret.secret_id && known.stored.hash == secret.hash
            })
            .map(|known| known.memory.clone())
    }
}
