//! A client in memory, with only the data that a token request needs. A million clients may exist,
//! so values that many of them have in common are shared.

use std::sync::Arc;

use crate::directory::effective_grant::GrantEntry;
use crate::directory::usage::UseCounter;
use crate::jose::external_jwks::ExternalJwks;
use crate::limits::rate_counter::RateCounter;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{AuthenticationMethod, ClientId, ClientState, GrantType};
use crate::model::rate::RateLimit;
use crate::model::secret::{LoadedSecret, SecretKind};
use crate::model::security::{KeySet, Networks, TlsSubject};
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::time::Lifetime;
use crate::model::trust::FederatedCredential;
use crate::remote_keys::RemoteKeys;
use crate::secrets::verification_cache::VerifiedSecretCache;
use crate::telemetry::metrics::per_client::ClientMeter;

/// A client in memory, with its credentials and grants.
#[derive(Debug)]
pub struct ClientEntry {
    /// The client id.
    pub client_id: ClientId,
    /// The state of the client.
    pub state: ClientState,
    /// The methods by which it may request a token.
    pub allowed: Arc<AllowedMethods>,
    /// The lifetime of its tokens, if it is set.
    pub token_lifetime: Option<Lifetime>,
    /// The token rate limit, if it is set.
    pub token_rate: Option<RateLimit>,
    /// Counts its tokens on this instance.
    pub token_rate_counter: RateCounter,
    /// Counts its revocations on this instance.
    pub revocation_rate_counter: RateCounter,
    /// Counts its requests, if metrics per client are enabled.
    pub meter: Option<Arc<ClientMeter>>,
    /// Counts its assertions that are not for a token.
    pub assertion_rate_counter: RateCounter,
    /// The security settings. Most clients have none.
    pub security: Option<Box<SecurityEntry>>,
    /// The secrets, each with its verification cache.
    pub secrets: Box<[SecretEntry]>,
    /// The grants of the client.
    pub grants: Box<[Arc<GrantEntry>]>,
}

/// Methods by which clients may request a token. Most clients have the same.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct AllowedMethods {
    /// The authentication methods of the client.
    pub auth_methods: Vec<AuthenticationMethod>,
    /// The grant types of the client.
    pub grant_types: Vec<GrantType>,
}

/// The security settings of a client: keys, certificate subject, networks, token binding.
#[derive(Debug, Default)]
pub struct SecurityEntry {
    /// The public keys.
    pub keys: Option<KeysEntry>,
    /// The text of the registered keys, which a snapshot stores.
    pub(super) key_set: Option<KeySet>,
    /// True if its tokens must be bound to its own key.
    pub dpop_bound: bool,
    /// The subject of the certificate that authenticates it, for a certificate with a chain.
    pub tls_subject: Option<TlsSubject>,
    /// True if its tokens must be bound to a certificate.
    pub certificate_bound: bool,
    /// The networks from which it may be used.
    pub networks: Networks,
    /// The values of `aud` in its own assertions that are accepted in addition to the issuer.
    pub assertion_audiences: AssertionAudiences,
    /// The external issuers whose tokens authenticate it.
    pub trusts: Box<[TrustEntry]>,
    /// The SPIFFE trust domains whose JWT-SVIDs authenticate it.
    pub spiffe_trusts: Box<[SpiffeTrustEntry]>,
    /// The usage of these credentials since the usage statistics were last written. It survives a
    /// change of the client.
    pub usage: Arc<UseCounter>,
}

/// A trust in memory.
#[derive(Debug)]
pub struct TrustEntry {
    /// The federated credential.
    pub trust: FederatedCredential,
    /// The keys of the issuer.
    pub keys: KeysEntry,
}

/// A trust in a SPIFFE trust domain, in memory.
#[derive(Debug)]
pub struct SpiffeTrustEntry {
    /// The trust.
    pub trust: SpiffeTrust,
    /// The keys of the trust domain.
    pub keys: KeysEntry,
}

/// Public keys in memory.
#[derive(Debug, Clone)]
pub enum KeysEntry {
    /// Registered keys.
    Inline(Arc<ExternalJwks>),
    /// Keys of a remote key set.
    Remote(Arc<RemoteKeys>),
}

impl KeysEntry {
    /// Returns the keys, if they have been fetched and are not too old.
    pub fn keys(&self) -> Option<Arc<ExternalJwks>> {
        match self {
            Self::Inline(keys) => Some(keys.clone()),
            Self::Remote(keys) => keys.keys(),
        }
    }

    /// Returns a number that identifies the source of the keys while it is in memory.
    pub fn source_id(&self) -> usize {
        match self {
            Self::Inline(keys) => Arc::as_ptr(keys).addr(),
            Self::Remote(set) => Arc::as_ptr(set).addr(),
        }
    }
}

/// A secret in memory.
#[derive(Debug)]
pub struct SecretEntry {
    /// The stored part of the secret.
    pub stored: LoadedSecret,
    /// The memory of this process. It survives a change of the client.
    pub memory: Arc<SecretMemory>,
}

/// Memory of a process about a secret.
#[derive(Debug, Default)]
pub struct SecretMemory {
    /// The cached MAC, once the secret has been verified.
    pub verified: VerifiedSecretCache,
    /// The usage since the usage statistics were last written.
    pub usage: UseCounter,
}

impl ClientEntry {
    /// Returns the external issuers that the client trusts, with their conditions.
    pub fn trusts(&self) -> &[TrustEntry] {
        self.security.as_ref().map_or(&[], |security| &security.trusts)
    }

    /// Returns the SPIFFE trust domains that the client trusts, with the accepted workloads.
    pub fn spiffe_trusts(&self) -> &[SpiffeTrustEntry] {
        self.security.as_ref().map_or(&[], |security| &security.spiffe_trusts)
    }

    /// Returns how many of its secrets are imported.
    pub fn imported_secrets(&self) -> usize {
        self.secrets.iter().filter(|secret| secret.stored.kind == SecretKind::Imported).count()
    }

    /// Returns the memory of a secret, if its id and hash have not changed.
    pub(super) fn memory_of(&self, secret: &LoadedSecret) -> Option<Arc<SecretMemory>> {
        self.secrets
            .iter()
            .find(|known| {
                known.stored.secret_id == secret.secret_id && known.stored.hash == secret.hash
            })
            .map(|known| known.memory.clone())
    }
}
