//! Deletions of `--prune`: objects of the applied sources that no document declares.

use std::collections::{BTreeSet, HashSet};

use crate::admin::declarative::rights;
use crate::admin::declarative::step::DeletionStep;
use crate::admin::declarative::stored::{self, StoredClients, UnreadableClient};
use crate::admin::{AdminError, InvalidValue, NeededFor, Principal, UnreadableObjects};
use crate::model::client::Registration;
use crate::model::grant::GrantedScopes;
use crate::model::plural;
use crate::model::resource::{Resource, ResourceId};
use crate::model::source::SourceName;
use crate::model::usage::Usage;
use crate::services::Services;
use crate::store::grants::holders::GrantHolder;
use crate::store::resources::StoredResources;

/// The number of ids that are read at a time.
const PAGE_SIZE: u32 = 500;

/// The ids that the documents declare.
pub(super) struct DeclaredIds {
    pub(super) resources: HashSet<ResourceId>,
    pub(super) clients: HashSet<String>,
}

/// Finds the objects of these sources that are not declared and that the caller may see.
///
/// # Errors
/// If no document names a source, an object cannot be read, or the caller may not delete it.
pub(super) async fn find(
    services: &Services,
    principal: &Principal,
    sources: &BTreeSet<SourceName>,
    existing: &StoredResources,
    declared: &DeclaredIds,
) -> Result<Vec<DeletionStep>, AdminError> {
    if sources.is_empty() {
        return Err(AdminError::invalid("prune", InvalidValue::PruneWithoutSource));
    }
    let mut unreadable = UnreadableObjects::new(NeededFor::Prune);
    let mut steps = Vec::new();
    for source in sources {
        let mut after = String::new();
        loop {
            let store = &services.store;
            let ids = store.clients_of_source(Some(source), &after, PAGE_SIZE).await?;
            let Some(last) = ids.last().cloned() else { break };
            let gone: Vec<&str> = ids
                .iter()
                .map(String::as_str)
                .filter(|id| !declared.clients.contains(*id))
                .collect();
            let StoredClients { readable, unreadable: damaged } =
                stored::clients_with(services, &gone).await?;
            let visible = |it: &&UnreadableClient| principal.may_administer(it.owner.as_ref());
            damaged.iter().filter(visible).for_each(|it| it.add_to(&mut unreadable));
            let found = readable.into_values();
            let is_visible =
                |it: &Registration| principal.may_administer(it.client.facts.owner.as_ref());
            for found in found.filter(is_visible) {
                rights::require_client_deletion(principal, &found)?;
                steps.push(DeletionStep::Client(Box::new(found)));
            }
            after = last;
        }
    }
    let is_declared = |id: &str| declared.resources.iter().any(|known| known.as_str() == id);
    let is_applied = |source: &SourceName| sources.contains(source);
    stored::add_resources(&mut unreadable, principal, &existing.unreadable, |it| {
        it.source.as_ref().is_some_and(is_applied) && !is_declared(&it.resource)
    });
    unreadable.into_result()?;
    let is_of = |resource: &&Resource| {
        resource.source.as_ref().is_some_and(is_applied)
            && !declared.resources.contains(&resource.resource)
            && principal.may_administer(resource.facts.owner.as_ref())
    };
    for resource in existing.readable.iter().filter(is_of) {
        let holders = services.store.grant_holders(&resource.resource).await?;
        rights::require_resource_deletion(principal, !holders.is_empty())?;
        let losses = holders.iter().map(|holder| loss_of_holder(principal, holder)).collect();
        steps.push(DeletionStep::Resource { resource: Box::new(resource.clone()), losses });
    }
    Ok(steps)
}

/// Describes the grant that a holder loses. It includes the last use if the caller may see the
/// client.
pub(super) fn loss_of_holder(principal: &Principal, holder: &GrantHolder) -> String {
    let scopes = match &holder.scopes {
        GrantedScopes::All => "all scopes".to_owned(),
        GrantedScopes::Only(scopes) => scopes.to_string(),
    };
    if !principal.may_administer(holder.owner.as_ref()) {
        return format!("grant of client {} ({scopes})", holder.client_id);
    }
    match holder.last_used_at {
        Some(last) => format!("grant of client {} ({scopes}), last used {last}", holder.client_id),
        None => format!("grant of client {} ({scopes}), never used", holder.client_id),
    }
}

/// Describes what ends with a client: its grants, and its credentials with their last use.
pub(super) fn losses_of_client(found: &Registration) -> Vec<String> {
    let mut losses: Vec<String> = found
        .grants
        .iter()
        .map(|grant| match &grant.scopes {
            GrantedScopes::All => format!("grant for {} (all scopes)", grant.resource),
            GrantedScopes::Only(scopes) => format!("grant for {} ({scopes})", grant.resource),
        })
        .collect();
    losses.extend(found.secrets.iter().map(|secret| match &secret.usage {
        Some(usage) => format!(
            "secret {}, last used {} from {}, {}",
            secret.secret_id,
            usage.last_used_at,
            usage.last_address,
            uses(usage)
        ),
        None => format!("secret {}, never used", secret.secret_id),
    }));
    losses.extend(found.usage.iter().map(|usage| {
        let (last, from) = (usage.last_used_at, usage.last_address);
        format!("its other credentials, last used {last} from {from}, {}", uses(usage))
    }));
    losses
}

fn uses(usage: &Usage) -> String {
    plural::counted(usage.uses, "use", "uses")
}
