//! Registering, changing and removing resources.

use serde_json::json;

use crate::admin::client::check_lifetime;
use crate::admin::{Actor, AdminError, Work, existing_resource};
use crate::app::Foundation;
use crate::model::event::{Action, Subject};
use crate::model::resource::{OfferedScope, Resource, ResourceId};
use crate::model::scope::{ScopeName, Scopes};
use crate::model::time::Lifetime;

/// What should change about a resource; empty or `None` leaves it as it is.
#[derive(Debug, Default)]
pub struct ResourceUpdate {
    /// Scopes to offer besides, or with another description.
    pub add: Vec<OfferedScope>,
    /// Scopes to offer no longer.
    pub remove: Vec<ScopeName>,
    /// How long tokens for it live; `Some(None)` puts it back to the default.
    pub token_lifetime: Option<Option<Lifetime>>,
}

/// Registers a resource.
pub async fn create(
    foundation: &Foundation,
    actor: &Actor,
    id: ResourceId,
    scopes: Vec<OfferedScope>,
    token_lifetime: Option<Lifetime>,
) -> Result<Resource, AdminError> {
    check_lifetime(foundation, token_lifetime)?;
    let mut work = Work::begin(foundation, actor).await?;
    let resource = Resource {
        resource: id.clone(),
        scopes: arranged(scopes)?,
        token_lifetime,
        signing_algorithm: None,
        created_at: work.now,
        updated_at: work.now,
    };
    work.change.create_resource(&resource).await?;
    let detail = json!({ "scopes": resource.scope_names(), "token_lifetime": token_lifetime });
    work.record(Action::ResourceCreated, Subject::Resource(id), detail).await?;
    work.commit().await?;
    Ok(resource)
}

/// Reads a resource with its scopes.
pub async fn show(foundation: &Foundation, id: &ResourceId) -> Result<Resource, AdminError> {
    existing_resource(foundation, id).await
}

/// Changes scopes or the lifetime of a resource.
pub async fn update(
    foundation: &Foundation,
    actor: &Actor,
    id: &ResourceId,
    update: ResourceUpdate,
) -> Result<Resource, AdminError> {
    if let Some(lifetime) = update.token_lifetime {
        check_lifetime(foundation, lifetime)?;
    }
    let mut work = Work::begin(foundation, actor).await?;
    let mut resource = existing_resource(foundation, id).await?;
    for name in &update.remove {
        if !resource.scopes.iter().any(|scope| scope.name == *name) {
            return Err(AdminError::NotFound {
                kind: "scope",
                id: name.to_string(),
                remedy: "tokend resource show lists the scopes of a resource",
            });
        }
    }
    resource.scopes.retain(|scope| {
        !update.remove.contains(&scope.name) && !update.add.iter().any(|new| new.name == scope.name)
    });
    resource.scopes.extend(update.add);
    resource.scopes = arranged(std::mem::take(&mut resource.scopes))?;
    if let Some(lifetime) = update.token_lifetime {
        resource.token_lifetime = lifetime;
    }
    resource.updated_at = work.now;
    work.change.update_resource(&resource).await?;
    let detail = json!({
        "scopes": resource.scope_names(),
        "removed": update.remove,
        "token_lifetime": resource.token_lifetime,
    });
    work.record(Action::ResourceUpdated, Subject::Resource(id.clone()), detail).await?;
    work.commit().await?;
    Ok(resource)
}

/// Removes a resource and every grant to it; gives the number of grants. Each client that loses
/// one has an event of its own, by which the servers follow.
pub async fn delete(
    foundation: &Foundation,
    actor: &Actor,
    id: &ResourceId,
) -> Result<usize, AdminError> {
    let mut work = Work::begin(foundation, actor).await?;
    existing_resource(foundation, id).await?;
    let clients = foundation.store.clients_granted(id).await?;
    work.change.delete_resource(id).await?;
    for client in &clients {
        let detail = json!({ "resource": id });
        work.record(Action::GrantRevoked, Subject::Client(client.clone()), detail).await?;
    }
    let detail = json!({ "grants_revoked": clients.len() });
    work.record(Action::ResourceDeleted, Subject::Resource(id.clone()), detail).await?;
    work.commit().await?;
    Ok(clients.len())
}

/// Puts scopes in alphabetical order and refuses one that stands twice, or too many.
fn arranged(mut scopes: Vec<OfferedScope>) -> Result<Vec<OfferedScope>, AdminError> {
    scopes.sort_by(|one, other| one.name.cmp(&other.name));
    if let Some(pair) = scopes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(AdminError::invalid("scope", format!("{} is given twice", pair[0].name)));
    }
    if scopes.len() > Scopes::MOST {
        return Err(AdminError::invalid(
            "scope",
            format!("a resource has at most {} scopes", Scopes::MOST),
        ));
    }
    Ok(scopes)
}
