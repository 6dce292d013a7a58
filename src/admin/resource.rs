//! Registering, changing and removing resources.

use serde_json::json;

use crate::admin::client::check_lifetime;
use crate::admin::dead_scopes;
use crate::admin::difference::Difference;
use crate::admin::facts::{self, FactsUpdate};
use crate::admin::grant_request::{self, CancelReason};
use crate::admin::invalid_value::InvalidValue;
use crate::admin::ownership::visible_resource;
use crate::admin::{
    AdminError, Changed, Conflict, ObjectKind, Principal, foreign_grant, key_rotation,
};
use crate::model::admin_scope::AdminScope;
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::facts::Facts;
use crate::model::resource::{Resource, ResourceId, ResourceScope, SignedBefore, TokenTyp};
use crate::model::scope::{ScopeName, Scopes};
use crate::model::signing_key::Algorithm;
use crate::model::time::{Lifetime, Timestamp};
use crate::services::Services;
use crate::store::Store;
use crate::store::grants::GrantKind;
use crate::store::reader::Reader;
use crate::store::resources::ResourceFilter;

/// What should change about a resource; empty or `None` leaves it as it is.
#[derive(Debug, Default)]
pub struct ResourceUpdate {
    /// Scopes to add, or to describe anew.
    pub add: Vec<ResourceScope>,
    /// Scopes to remove.
    pub remove: Vec<ScopeName>,
    /// How long tokens for it live; `Some(None)` puts it back to the default.
    pub token_lifetime: Option<Option<Lifetime>>,
    /// What its tokens are signed with; `Some(None)` puts it back to the server's choice.
    pub signing_algorithm: Option<Option<Algorithm>>,
    /// The `typ` of its tokens.
    pub token_typ: Option<TokenTyp>,
    /// What people and policies know of it.
    pub facts: FactsUpdate,
}

/// A resource to be registered.
#[derive(Debug)]
pub struct NewResource {
    /// Its identifier.
    pub resource: ResourceId,
    /// The scopes it offers.
    pub scopes: Vec<ResourceScope>,
    /// How long tokens for it live.
    pub token_lifetime: Option<Lifetime>,
    /// What its tokens are signed with.
    pub signing_algorithm: Option<Algorithm>,
    /// The `typ` of its tokens.
    pub token_typ: TokenTyp,
    /// What people and policies know of it.
    pub facts: Facts,
}

/// Registers a resource.
pub async fn create(
    services: &Services,
    principal: &Principal,
    new: NewResource,
) -> Result<Resource, AdminError> {
    principal.require(AdminScope::ResourcesWrite)?;
    principal.require_owner(new.facts.owner.as_ref())?;
    check_lifetime(services, new.token_lifetime)?;
    check_token_typ(&new.resource, new.token_typ)?;
    let mut change = principal.begin(services).await?;
    let resource = Resource {
        resource: new.resource,
        scopes: arranged(new.scopes)?,
        token_lifetime: new.token_lifetime,
        signing_algorithm: new.signing_algorithm,
        signed_before: SignedBefore::Never,
        token_typ: new.token_typ,
        facts: new.facts,
        created_at: change.now,
        updated_at: change.now,
    };
    require_key(principal, change.read(), resource.signing_algorithm).await?;
    change.transaction.create_resource(&resource).await?;
    let mut detail = json!({
        "scopes": resource.scope_names(),
        "token_lifetime": resource.token_lifetime,
        "signing_algorithm": resource.signing_algorithm,
        "token_typ": resource.token_typ,
    });
    facts::add_to(&mut detail, &resource.facts);
    let subject = EventSubject::Resource(resource.resource.clone());
    change.record(Action::ResourceCreated, subject, detail).await?;
    change.commit().await?;
    publish_key(services, &resource).await?;
    Ok(resource)
}

/// Refuses an algorithm that has no key yet to a caller that may not make signing keys.
async fn require_key(
    principal: &Principal,
    mut reader: Reader<'_>,
    algorithm: Option<Algorithm>,
) -> Result<(), AdminError> {
    let Some(algorithm) = algorithm else { return Ok(()) };
    let known = reader.signing_keys().await?;
    if known.iter().any(|key| key.algorithm == algorithm && key.retired_at.is_none()) {
        return Ok(());
    }
    principal.require(AdminScope::KeysWrite)
}

/// Makes the first key of the algorithm that a resource wants, so that it can sign as soon as
/// possible. Before the first start of a server keys do not exist yet; that server creates them.
async fn publish_key(services: &Services, resource: &Resource) -> Result<(), AdminError> {
    let Some(algorithm) = resource.signing_algorithm else { return Ok(()) };
    let known = services.store.signing_keys().await?;
    if !known.is_empty() {
        key_rotation::create_due_keys(services, &[algorithm], &known).await?;
    }
    Ok(())
}

/// Reads a resource with its scopes.
///
/// # Errors
/// Not found, also if the caller may not see it.
pub async fn show(
    store: &Store,
    principal: &Principal,
    id: &ResourceId,
) -> Result<Resource, AdminError> {
    visible_resource(store.read(), principal, id).await
}

/// The resources that the caller may see, in alphabetical order.
pub async fn list(store: &Store, principal: &Principal) -> Result<Vec<Resource>, AdminError> {
    let mut found = store.resources().await?;
    found.retain(|resource| principal.may_administer(resource.facts.owner.as_ref()));
    Ok(found)
}

/// A page of the resources that the caller may see: those that a filter matches and whose
/// identifiers follow `after`.
pub async fn page(
    store: &Store,
    principal: &Principal,
    filter: ResourceFilter,
    after: &str,
    limit: u32,
) -> Result<Vec<Resource>, AdminError> {
    let owners = principal.owners_among(filter.owners);
    Ok(store.resource_page(&ResourceFilter { owners, ..filter }, after, limit).await?)
}

/// Changes scopes, lifetime or algorithm of a resource.
pub async fn update(
    services: &Services,
    principal: &Principal,
    id: &ResourceId,
    update: ResourceUpdate,
) -> Result<Changed<Resource>, AdminError> {
    principal.require(AdminScope::ResourcesWrite)?;
    if let Some(lifetime) = update.token_lifetime {
        check_lifetime(services, lifetime)?;
    }
    check_token_typ(id, update.token_typ.unwrap_or_default())?;
    check_built_in(id, &update)?;
    let mut change = principal.begin(services).await?;
    let mut resource = visible_resource(change.read(), principal, id).await?;
    let (was, owner_before) = (json!(resource), resource.facts.owner.clone());
    let offered_before = resource.scope_names();
    change_scopes(&mut resource, update.add, &update.remove)?;
    if let Some(lifetime) = update.token_lifetime {
        resource.token_lifetime = lifetime;
    }
    if let Some(algorithm) =
        update.signing_algorithm.filter(|new| *new != resource.signing_algorithm)
    {
        let now = change.now;
        require_key(principal, change.read(), algorithm).await?;
        resource.signed_before = signed_now(change.read(), &resource, now).await?;
        resource.signing_algorithm = algorithm;
    }
    resource.token_typ = update.token_typ.unwrap_or(resource.token_typ);
    update.facts.apply_to(&mut resource.facts)?;
    principal.require_owner(resource.facts.owner.as_ref())?;
    let Some(difference) = Difference::between(&was, &json!(resource)) else {
        return Ok(Changed::before(resource));
    };
    resource.updated_at = change.now;
    if owner_before != resource.facts.owner {
        let reason = CancelReason::ResourceOwnerChanged;
        grant_request::cancel_for_resource(&mut change, id, reason).await?;
    }
    change.transaction.update_resource(&resource).await?;
    let offered = resource.scope_names();
    dead_scopes::remove(&mut change, id, &offered_before, &offered).await?;
    let detail = difference.add_to(json!({
        "scopes": resource.scope_names(),
        "removed": update.remove,
        "token_lifetime": resource.token_lifetime,
        "signing_algorithm": resource.signing_algorithm,
        "token_typ": resource.token_typ,
    }));
    let owners = EventOwners::changed(owner_before, resource.facts.owner.clone());
    let subject = EventSubject::Resource(id.clone());
    change.record_with_owners(Action::ResourceUpdated, subject, owners, detail).await?;
    change.commit().await?;
    publish_key(services, &resource).await?;
    Ok(Changed::now(resource))
}

/// Adds scopes, or describes them anew, and removes others.
fn change_scopes(
    resource: &mut Resource,
    add: Vec<ResourceScope>,
    remove: &[ScopeName],
) -> Result<(), AdminError> {
    for name in remove {
        if !resource.scopes.iter().any(|scope| scope.name == *name) {
            return Err(AdminError::not_found(ObjectKind::Scope, name));
        }
    }
    resource.scopes.retain(|scope| {
        !remove.contains(&scope.name) && !add.iter().any(|new| new.name == scope.name)
    });
    resource.scopes.extend(add);
    resource.scopes = arranged(std::mem::take(&mut resource.scopes))?;
    Ok(())
}

/// Rejects tokens for this server itself that cannot be told from other JWTs of this server.
fn check_token_typ(id: &ResourceId, typ: TokenTyp) -> Result<(), AdminError> {
    if id.is_built_in() && typ != TokenTyp::AtJwt {
        return Err(AdminError::invalid("token typ", InvalidValue::FixedTokenType(id.clone())));
    }
    Ok(())
}

/// Refuses other scopes of this server itself, which are a closed list, and an owner of it: an
/// administrator of that owner could then give its scopes.
fn check_built_in(id: &ResourceId, update: &ResourceUpdate) -> Result<(), AdminError> {
    if !id.is_built_in() {
        return Ok(());
    }
    if !update.add.is_empty() || !update.remove.is_empty() {
        return Err(Conflict::BuiltInScopes(id.clone()).into());
    }
    match &update.facts.owner {
        Some(Some(owner)) => Err(AdminError::invalid(
            "owner",
            format!("{id} is this server itself and has no owner; {owner} is given"),
        )),
        _ => Ok(()),
    }
}

/// What the tokens for a resource are signed with now.
async fn signed_now(
    mut reader: Reader<'_>,
    resource: &Resource,
    now: Timestamp,
) -> Result<SignedBefore, AdminError> {
    let Some(own) = resource.signing_algorithm else { return Ok(SignedBefore::Server) };
    let known = reader.signing_keys().await?;
    let signs = known.iter().any(|key| key.algorithm == own && key.may_sign(now));
    Ok(match resource.signed_before {
        SignedBefore::Never => SignedBefore::Own(own),
        _ if signs => SignedBefore::Own(own),
        before => before,
    })
}

/// Removes a resource and every grant to it; gives the number of grants. Each client that loses
/// one has an event of its own, by which the servers follow.
pub async fn delete(
    services: &Services,
    principal: &Principal,
    id: &ResourceId,
) -> Result<usize, AdminError> {
    principal.require(AdminScope::ResourcesWrite)?;
    if id.is_built_in() {
        return Err(Conflict::BuiltInResource(id.clone()).into());
    }
    let mut change = principal.begin(services).await?;
    let resource = visible_resource(change.read(), principal, id).await?;
    let grants = change.read().grants_of(id, GrantKind::Any, u32::MAX).await?;
    if !grants.is_empty() {
        principal.require(AdminScope::GrantsWrite)?;
    }
    if !principal.is_operator() {
        for grant in &grants {
            let client_id = &grant.client_id;
            foreign_grant::require_removable(&mut change, principal, client_id, id).await?;
        }
    }
    let reason = CancelReason::ResourceDeleted;
    grant_request::cancel_for_resource(&mut change, id, reason).await?;
    for grant in &grants {
        let was = json!({ "scopes": grant.scopes, "networks": grant.networks });
        let detail = json!({ "resource": id, "was": was, "is": null });
        let owners = change.owners_of_grant(&grant.client_id, id).await?;
        let subject = EventSubject::Client(grant.client_id.clone());
        change.record_with_owners(Action::GrantRevoked, subject, owners, detail).await?;
    }
    let detail = json!({ "grants_revoked": grants.len(), "was": resource, "is": null });
    change.record(Action::ResourceDeleted, EventSubject::Resource(id.clone()), detail).await?;
    change.transaction.delete_resource(id).await?;
    change.commit().await?;
    Ok(grants.len())
}

/// Puts scopes in alphabetical order and rejects a duplicate, or too many.
fn arranged(mut scopes: Vec<ResourceScope>) -> Result<Vec<ResourceScope>, AdminError> {
    scopes.sort_by(|one, other| one.name.cmp(&other.name));
    if let Some(pair) = scopes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(AdminError::invalid(
            "scope",
            InvalidValue::DuplicateScope(pair[0].name.clone()),
        ));
    }
    if scopes.len() > Scopes::MAX_COUNT {
        return Err(AdminError::invalid(
            "scope",
            InvalidValue::TooMany { holder: "a resource", max: Scopes::MAX_COUNT, items: "scopes" },
        ));
    }
    Ok(scopes)
}
