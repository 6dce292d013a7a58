//! Reads stored objects, for a comparison with declarations or for an export. Objects that cannot
//! be read are always reported.

use std::collections::HashMap;

use crate::admin::declarative::members::MAX_OBJECTS;
use crate::admin::error::unreadable::UnreadableObjects;
use crate::admin::{AdminError, ObjectKind, Principal};
use crate::model::client::{ClientId, Registration};
use crate::model::owner::Owner;
use crate::model::source::SourceName;
use crate::services::Services;
use crate::store::StoreError;
use crate::store::resources::UnreadableResource;

/// The number of clients that are read at a time.
const PAGE_SIZE: u32 = 500;

#[derive(Debug, Default)]
pub(super) struct StoredClients {
    /// The clients that can be read, by id.
    pub(super) readable: HashMap<String, Registration>,
    pub(super) unreadable: Vec<UnreadableClient>,
}

/// A client that cannot be read.
#[derive(Debug)]
pub(super) struct UnreadableClient {
    pub(super) id: String,
    pub(super) owner: Option<Owner>,
    problem: StoreError,
}

impl UnreadableClient {
    /// Adds the client to the unreadable objects of a response.
    pub(super) fn add_to(&self, objects: &mut UnreadableObjects) {
        objects.add(ObjectKind::Client, &self.id, &self.problem);
    }
}

/// Adds those of the unreadable resources that are wanted and that the caller may see.
pub(super) fn add_resources(
    objects: &mut UnreadableObjects,
    principal: &Principal,
    unreadable: &[UnreadableResource],
    is_wanted: impl Fn(&UnreadableResource) -> bool,
) {
    let visible = unreadable.iter().filter(|it| principal.may_administer(it.owner.as_ref()));
    for resource in visible.filter(|it| is_wanted(it)) {
        objects.add(ObjectKind::Resource, &resource.resource, &resource.problem);
    }
}

/// Reads the clients with these ids; missing ones are skipped.
pub(super) async fn clients_with(
    services: &Services,
    ids: &[&str],
) -> Result<StoredClients, AdminError> {
    let mut stored = StoredClients::default();
    for page in ids.chunks(PAGE_SIZE as usize) {
        for (id, registration) in services.store.registrations(page).await? {
            match registration {
                Ok(registration) => {
                    stored.readable.insert(id, registration);
                }
                Err(problem) => {
                    let owner = match ClientId::parse(&id) {
                        Ok(id) => services.store.read().client_owner(&id).await?,
                        Err(_) => None,
                    };
                    stored.unreadable.push(UnreadableClient { id, owner, problem });
                }
            }
        }
    }
    Ok(stored)
}

/// Reads the clients of a source, or those without a source. It stops soon after the limit of an
/// export.
pub(super) async fn clients_of(
    services: &Services,
    source: Option<&SourceName>,
) -> Result<StoredClients, AdminError> {
    let (mut clients, mut after) = (StoredClients::default(), String::new());
    loop {
        let ids = services.store.clients_of_source(source, &after, PAGE_SIZE).await?;
        let Some(last) = ids.last().cloned() else { return Ok(clients) };
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let page = clients_with(services, &ids).await?;
        clients.readable.extend(page.readable);
        clients.unreadable.extend(page.unreadable);
        if clients.readable.len() > MAX_OBJECTS {
            return Ok(clients);
        }
        after = last;
    }
}
