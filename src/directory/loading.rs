//! Loads from the database: everything at startup, and later the changes that events name.

use std::collections::HashSet;
use std::sync::Arc;

use crate::directory::{Directory, DirectoryError, PAGE_SIZE, Resources, YIELD_EVERY};
use crate::keys::keyring::Keyring;
use crate::keys::seal::MasterKeys;
use crate::model::client::ClientId;
use crate::model::facts::Facts;
use crate::model::resource::Resource;
use crate::store::Store;
use crate::store::loaded_clients::Page;
use crate::store::resources::{StoredResources, UnreadableResource};

impl Directory {
    /// Loads these clients. A client that this version cannot parse receives no tokens here, and
    /// does not block other clients.
    pub(super) async fn load_clients_of(
        &self,
        store: &Store,
        ids: &[ClientId],
    ) -> Result<(), DirectoryError> {
        let mut unseen: HashSet<ClientId> = ids.iter().cloned().collect();
        let page = store.clients_of(ids).await?;
        self.put_page(page, &mut unseen).await;
        for id in unseen {
            self.remove(&id);
        }
        Ok(())
    }

    /// Loads the signing keys in a running server. Keys that cannot be unsealed are skipped until
    /// an operator fixes them, so that other changes are still followed.
    pub(super) async fn load_new_keys(
        &self,
        store: &Store,
        master: &MasterKeys,
    ) -> Result<(), DirectoryError> {
        let records = store.signing_keys().await?;
        let (keyring, problem) = Keyring::open_readable(master, records, self.keep_seconds);
        if let Some(problem) = problem {
            tracing::error!(%problem, "a new signing key cannot be opened here and is left out");
        }
        self.replace_keyring(keyring);
        Ok(())
    }

    pub(super) fn replace_keyring(&self, keyring: Keyring) {
        self.keyring.store(Arc::new(keyring));
        // The revocation list names revoked keys, and a revoked key may have signed the cached
        // list.
        self.revocations.renew_list();
    }

    pub(super) async fn load_everything(
        &self,
        store: &Store,
        master: &MasterKeys,
    ) -> Result<(), DirectoryError> {
        self.load_resources(store).await?;
        self.load_keyring(store, master).await?;
        self.load_revocations(store).await?;
        self.load_clients(store).await
    }

    /// Replaces all revocations in memory by those of the database. A revocation that is in both is
    /// never missing meanwhile.
    pub(super) async fn load_revocations(&self, store: &Store) -> Result<(), DirectoryError> {
        let (mut tokens, mut clients) = (HashSet::new(), HashSet::new());
        let mut after = String::new();
        while let Some((page, last)) = store.revoked_tokens(&after, PAGE_SIZE).await? {
            after = last;
            for token in page {
                tokens.insert(token.jti.clone());
                self.revocations.put_token(token);
            }
        }
        after.clear();
        while let Some((page, last)) = store.revoked_clients(&after, PAGE_SIZE).await? {
            after = last;
            for client in page {
                clients.insert(client.client_id.clone());
                self.revocations.put_client(client);
            }
        }
        self.revocations.retain(&tokens, &clients);
        Ok(())
    }

    pub(super) async fn load_resources(&self, store: &Store) -> Result<(), DirectoryError> {
        let mut resources = Resources::default();
        let StoredResources { readable, unreadable } = store.stored_resources().await?;
        for found in readable {
            resources.insert(found.resource.clone(), Arc::new(with_owner_only(found)));
        }
        for UnreadableResource { resource, problem, .. } in &unreadable {
            tracing::error!(resource, %problem, "a resource cannot be read and gets no tokens");
        }
        self.metrics.note_unreadable_resources(unreadable.len());
        self.grants.renew(&resources).await;
        self.resources.store(Arc::new(resources));
        Ok(())
    }

    pub(super) async fn load_keyring(
        &self,
        store: &Store,
        master: &MasterKeys,
    ) -> Result<(), DirectoryError> {
        let records = store.signing_keys().await?;
        let keyring = Keyring::open(master, records, self.keep_seconds)?;
        self.replace_keyring(keyring);
        Ok(())
    }

    pub(super) async fn load_clients(&self, store: &Store) -> Result<(), DirectoryError> {
        let mut unseen: HashSet<ClientId> = self.clients.pin().keys().cloned().collect();
        let mut pages = store.all_clients(PAGE_SIZE);
        while let Some(page) = pages.next().await? {
            self.put_page(page, &mut unseen).await;
        }
        for id in unseen {
            self.remove(&id);
        }
        Ok(())
    }

    async fn put_page(&self, page: Page, unseen: &mut HashSet<ClientId>) {
        for (place, (id, client)) in page.into_iter().enumerate() {
            if place % YIELD_EVERY == 0 {
                // Lets token requests make progress.
                tokio::task::yield_now().await;
            }
            match client {
                Ok(client) => {
                    unseen.remove(id.as_str());
                    self.put(client).await;
                }
                Err(problem) => {
                    tracing::error!(client.id = id, %problem, "a client cannot be read and gets no tokens");
                }
            }
        }
    }
}

/// Keeps only the owner of the descriptive facts. Tokens need nothing else: it decides about static
/// claims (D18).
fn with_owner_only(resource: Resource) -> Resource {
    let facts = Facts { owner: resource.facts.owner, ..Facts::default() };
    Resource { facts, ..resource }
}
