//! Inserts clients into memory, and removes them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crate::directory::Directory;
use crate::directory::effective_grant::GrantEntry;
use crate::directory::entry::{AllowedMethods, ClientEntry, SecretEntry};
use crate::directory::security::ClientTrusts;
use crate::keys::keyring::Keyring;
use crate::model::client::{ClientId, ClientState};
use crate::model::rate::RateLimit;
use crate::model::secret::{LoadedSecret, SecretKind};
use crate::model::security::ClientSecurity;
use crate::model::time::Lifetime;
use crate::secrets::verification_cache::Mac;
use crate::store::loaded_clients::LoadedClient;

/// A client to insert, with the values that it shares with other clients.
#[derive(Debug)]
pub(super) struct NewEntry {
    pub(super) client_id: ClientId,
    pub(super) state: ClientState,
    pub(super) allowed: Arc<AllowedMethods>,
    pub(super) token_lifetime: Option<Lifetime>,
    pub(super) token_rate: Option<RateLimit>,
    pub(super) security: ClientSecurity,
    pub(super) trusts: ClientTrusts,
    /// The secrets, each with its MAC if an earlier process has verified it.
    pub(super) secrets: Vec<(LoadedSecret, Option<Mac>)>,
    pub(super) grants: Box<[Arc<GrantEntry>]>,
}

impl Directory {
    /// Inserts or replaces a client that was loaded from the database.
    pub(super) async fn put(&self, loaded: LoadedClient) {
        let LoadedClient { client, owner, secrets, grants, trusts, spiffe_trusts } = loaded;
        let resources = self.resources.load_full();
        let grants = self.grants.entries(grants, &client.claims, owner.as_ref(), &resources).await;
        let allowed =
            AllowedMethods { auth_methods: client.auth_methods, grant_types: client.grant_types };
        self.insert(NewEntry {
            client_id: client.client_id,
            state: client.state,
            allowed: self.intern_methods(allowed),
            token_lifetime: client.token_lifetime,
            token_rate: client.token_rate,
            security: client.security,
            trusts: ClientTrusts { jwt: trusts, spiffe: spiffe_trusts },
            secrets: secrets.into_iter().map(|stored| (stored, None)).collect(),
            grants,
        });
    }

    /// Inserts or replaces a client. Unchanged secrets keep their memory.
    pub(super) fn insert(&self, client: NewEntry) {
        let clients = self.clients.pin();
        let before = clients.get(&client.client_id);
        let secrets = client.secrets.into_iter().map(|(stored, mac)| {
            let memory = before.and_then(|entry| entry.memory_of(&stored)).unwrap_or_default();
            // An imported secret may be easy to guess, so each process verifies it again.
            if let Some(mac) = mac.filter(|_| stored.kind != SecretKind::Imported) {
                memory.verified.remember(&mac);
            }
            SecretEntry { stored, memory }
        });
        let entry = ClientEntry {
            client_id: client.client_id.clone(),
            state: client.state,
            allowed: client.allowed,
            token_lifetime: client.token_lifetime,
            token_rate: client.token_rate,
            // A token that is issued concurrently may be missed, which a rate limit tolerates.
            token_rate_counter: before
                .map(|entry| entry.token_rate_counter.copy())
                .unwrap_or_default(),
            revocation_rate_counter: before
                .map(|entry| entry.revocation_rate_counter.copy())
                .unwrap_or_default(),
            meter: match before {
                Some(entry) => entry.meter.clone(),
                None => self.metrics.busiest.meter(&client.client_id),
            },
            assertion_rate_counter: before
                .map(|entry| entry.assertion_rate_counter.copy())
                .unwrap_or_default(),
            secrets: secrets.collect(),
            security: self.security(&client.client_id, client.security, client.trusts, before),
            grants: client.grants,
        };
        self.metrics.count_client(before.map(|entry| entry.state), Some(entry.state));
        let added = entry.imported_secrets();
        let removed = before.map_or(0, |entry| entry.imported_secrets());
        let trusts_before = before.map_or(&[][..], |entry| entry.trusts());
        self.issuer_index.change(&entry.client_id, trusts_before, entry.trusts());
        let spiffe_before = before.map_or(&[][..], |entry| entry.spiffe_trusts());
        self.spiffe_index.change(&entry.client_id, spiffe_before, entry.spiffe_trusts());
        clients.insert(client.client_id, Arc::new(entry));
        self.imported_secrets.fetch_add(added, Ordering::Relaxed);
        self.imported_secrets.fetch_sub(removed, Ordering::Relaxed);
    }

    /// Returns the shared copy of these methods.
    pub(super) fn intern_methods(&self, allowed: AllowedMethods) -> Arc<AllowedMethods> {
        // The set is consistent, even if a thread panicked with the lock.
        let mut known = self.allowed_methods.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(&allowed) {
            return shared.clone();
        }
        let shared = Arc::new(allowed);
        known.insert(shared.clone());
        shared
    }

    /// Removes all clients and keys from memory, so that nothing is granted.
    pub fn clear(&self) {
        let known: Vec<_> = self.clients.pin().keys().cloned().collect();
        for id in known {
            self.remove(&id);
        }
        self.replace_keyring(Keyring::default());
    }

    pub(super) fn remove(&self, id: &ClientId) {
        if let Some(entry) = self.clients.pin().remove(id) {
            self.metrics.count_client(Some(entry.state), None);
            self.imported_secrets.fetch_sub(entry.imported_secrets(), Ordering::Relaxed);
            self.issuer_index.change(id, entry.trusts(), &[]);
            self.spiffe_index.change(id, entry.spiffe_trusts(), &[]);
        }
    }
}
