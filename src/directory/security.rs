//! Builds the security settings of a client in memory.

use std::sync::{Arc, Mutex, PoisonError};

use crate::crypto::digest;
use crate::directory::Directory;
use crate::directory::entry::{
    ClientEntry, KeysEntry, SecurityEntry, SpiffeTrustEntry, TrustEntry,
};
use crate::directory::interner::Interner;
use crate::jose::external_jwks::{ExternalJwks, ExternalJwksError};
use crate::model::client::ClientId;
use crate::model::security::{ClientSecurity, KeySet, KeySource};
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::trust::FederatedCredential;
use crate::remote_keys::RemoteSource;

/// The trusts of a client.
#[derive(Debug, Default)]
pub(super) struct ClientTrusts {
    /// Trusts in external issuers.
    pub(super) jwt: Vec<FederatedCredential>,
    /// Trusts in SPIFFE trust domains.
    pub(super) spiffe: Vec<SpiffeTrust>,
}

impl Directory {
    /// Builds the security settings of a client. Keys that this version cannot parse authenticate
    /// nothing.
    pub(super) fn security(
        &self,
        id: &ClientId,
        security: ClientSecurity,
        trusts: ClientTrusts,
        before: Option<&Arc<ClientEntry>>,
    ) -> Option<Box<SecurityEntry>> {
        let ClientTrusts { jwt, spiffe } = trusts;
        if security == ClientSecurity::default() && jwt.is_empty() && spiffe.is_empty() {
            return None;
        }
        let ClientSecurity {
            keys,
            dpop_bound,
            tls_subject,
            certificate_bound,
            networks,
            assertion_audiences,
        } = security;
        let own = |set: &KeySet| ExternalJwks::stored(set.as_str()).map(Arc::new);
        let key_set = match &keys {
            Some(KeySource::Inline(set)) => Some(set.clone()),
            _ => None,
        };
        let keys = keys.and_then(|source| self.keys(id, source, own));
        let trusts = jwt.into_iter().filter_map(|trust| {
            let keys = if let Some(source) = trust.keys.clone() {
                self.keys(id, source, |set| self.shared_keys.intern(set))?
            } else {
                let source = RemoteSource::Discovered(trust.issuer.clone());
                KeysEntry::Remote(self.key_sets.entry(source))
            };
            Some(TrustEntry { trust, keys })
        });
        let trusts = trusts.collect();
        let spiffe_trusts = spiffe.into_iter().map(|trust| {
            let source = RemoteSource::Bundle(trust.source.bundle_endpoint().clone());
            SpiffeTrustEntry { trust, keys: KeysEntry::Remote(self.key_sets.entry(source)) }
        });
        let spiffe_trusts = spiffe_trusts.collect();
        let before = before.and_then(|entry| entry.security.as_ref());
        let usage = before.map(|security| security.usage.clone()).unwrap_or_default();
        Some(Box::new(SecurityEntry {
            keys,
            key_set,
            dpop_bound,
            tls_subject,
            certificate_bound,
            networks,
            assertion_audiences,
            trusts,
            spiffe_trusts,
            usage,
        }))
    }

    fn keys(
        &self,
        id: &ClientId,
        source: KeySource,
        read: impl FnOnce(&KeySet) -> Result<Arc<ExternalJwks>, ExternalJwksError>,
    ) -> Option<KeysEntry> {
        match source {
            KeySource::Remote(uri) => {
                Some(KeysEntry::Remote(self.key_sets.entry(RemoteSource::KeySet(uri))))
            }
            KeySource::Inline(set) => match read(&set) {
                Ok(keys) => Some(KeysEntry::Inline(keys)),
                Err(problem) => {
                    tracing::error!(client.id = %id, %problem, "the keys of a client cannot be read");
                    None
                }
            },
        }
    }
}

/// Inline key sets of trusts. Many clients trust one issuer with the same set. It is stored once,
/// so a signature is verified with it only once.
#[derive(Debug, Default)]
pub(super) struct SharedKeys(Mutex<Interner<String, ExternalJwks>>);

impl SharedKeys {
    /// Returns the shared copy of a set.
    fn intern(&self, set: &KeySet) -> Result<Arc<ExternalJwks>, ExternalJwksError> {
        let name = digest::of_bytes(set.as_str().as_bytes());
        // The map is consistent, even if a thread panicked with the lock.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = held.get(&name) {
            return Ok(keys);
        }
        let keys = Arc::new(ExternalJwks::stored(set.as_str())?);
        held.insert(name, keys.clone());
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::interner::MIN_SWEEP_LEN;

    #[test]
    fn a_key_set_is_shared_and_unused_ones_are_swept() {
        let shared = SharedKeys::default();
        let set = |text: &str| KeySet::parse(text).expect("a set");
        let key = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"NUMBER"}]}"#;
        let first = shared.intern(&set(key)).expect("keys");
        assert!(Arc::ptr_eq(&first, &shared.intern(&set(key)).expect("keys")));
        for number in 0..1000 {
            let text = key.replace("NUMBER", &number.to_string());
            drop(shared.intern(&set(&text)).expect("keys"));
        }
        let held = shared.0.lock().expect("a lock").len();
        assert!(held <= 2 * MIN_SWEEP_LEN, "{held}");
    }
}
