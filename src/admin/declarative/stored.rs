//! Reading what is stored, for a comparison with declarations or for an export. An object that
//! cannot be read is never left out without a notice.

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

/// How many clients are read at once.
const PAGE_SIZE: u32 = 500;

/// Clients as they are stored.
#[derive(Debug, Default)]
pub(super) struct StoredClients {
    /// Those that can be read, by their ids.
    pub(super) readable: HashMap<String, Registration>,
    /// The others.
    pub(super) unreadable: Vec<UnreadableClient>,
}

/// A client that cannot be read, with what is known of it.
#[derive(Debug)]
pub(super) struct UnreadableClient {
    pub(super) id: String,
    pub(super) owner: Option<Owner>,
    problem: StoreError,
}

impl UnreadableClient {
    /// Adds it to those that an answer needs.
    pub(super) fn add_to(&self, objects: &mut UnreadableObjects) {
        objects.add(ObjectKind::Client, &self.id, &self.problem);
    }
}

/// Adds the resources among these that are wanted and that the caller may see.
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

/// The clients of these ids that exist.
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

/// The clients of a source, or those without one; a few more than an export may have at most.
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
