//! Registration, changes and deletion of resources.

pub(super) mod deletion;
mod likeness;
mod update;

use serde_json::json;

use crate::admin::client::check_lifetime;
use crate::admin::difference::Difference;
use crate::admin::error::invalid_value::InvalidValue;
use crate::admin::grant_request::{self, CancelReason};
use crate::admin::owner::ownership::visible_resource;
pub use crate::admin::resource::deletion::{delete, delete_if};
use crate::admin::resource::update::changed_scopes;
pub use crate::admin::resource::update::{NewResource, ResourceUpdate};
use crate::admin::revision::{PreconditionError, Revision};
use crate::admin::signing_key;
use crate::admin::{
    AdminError, AuditedChange, Changed, Conflict, ObjectKind, Principal, WriteMode, facts, grant,
};
use crate::model::admin_scope::AdminScope;
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::model::key_timeline::signing_key;
use crate::model::resource::{Resource, ResourceId, ResourceScope, SignedBefore, TokenTyp};
use crate::model::scope::Scopes;
use crate::model::signing_key::Algorithm;
use crate::model::time::Timestamp;
use crate::services::Services;
use crate::store::Store;
use crate::store::reader::Reader;
use crate::store::resources::{ResourceFilter, ResourcePage};

/// The result of [`put`].
#[derive(Debug)]
pub enum Put {
    /// The resource was created.
    Created(Resource),
    /// The resource already existed.
    Existing(Changed<Resource>),
}

/// Sets all members of a resource, and creates it if it does not exist.
///
/// # Errors
/// As [`fn@update`] and [`create`].
pub async fn put(
    services: &Services,
    principal: &Principal,
    id: &ResourceId,
    members: ResourceUpdate,
) -> Result<Put, AdminError> {
    let mut conflict = AdminError::from(PreconditionError::Changed);
    // Another caller may create or delete the resource between the two attempts.
    for _ in 0..2 {
        match update(services, principal, id, members.clone()).await {
            Err(AdminError::NotFound { kind: ObjectKind::Resource, .. }) => {}
            outcome => return outcome.map(Put::Existing),
        }
        if !members.precondition.admits_absence() {
            return Err(PreconditionError::Changed.into());
        }
        match create(services, principal, members.clone().into_new(id.clone())?).await {
            Err(error @ AdminError::Conflict(Conflict::AlreadyExists(_))) => conflict = error,
            outcome => return outcome.map(Put::Created),
        }
    }
    // The resource is created and deleted repeatedly, or the caller may not see it.
    Err(conflict)
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
        source: None,
        created_at: change.now,
        updated_at: change.now,
    };
    require_rights_to_write(&mut change, principal, None, &resource).await?;
    insert(&mut change, &resource).await?;
    change.commit().await?;
    publish_key(services, principal, &resource).await?;
    Ok(resource)
}

/// Writes a new resource and its event.
pub(super) async fn insert(
    change: &mut AuditedChange,
    resource: &Resource,
) -> Result<(), AdminError> {
    let created = change.transaction.create_resource(resource).await;
    created.map_err(|error| AdminError::of_insertion(error, "resource", &resource.resource))?;
    let mut detail = json!({
        "scopes": resource.scope_names(),
        "token_lifetime": resource.token_lifetime,
        "signing_algorithm": resource.signing_algorithm,
        "token_typ": resource.token_typ,
    });
    facts::add_to(&mut detail, &resource.facts);
    if resource.source.is_some() {
        detail["source"] = json!(resource.source);
    }
    let subject = EventSubject::Resource(resource.resource.clone());
    change.record(Action::ResourceCreated, subject, detail).await?;
    Ok(())
}

/// Rejects a caller that may not write a resource. `before` is `None` for a new one.
///
/// # Errors
/// [`AdminError::ScopeMissing`], [`AdminError::OwnerNotHeld`], not found for a resource of an owner
/// that the caller may not administer, or a conflict with a resource of another owner.
pub(super) async fn require_rights_to_write(
    change: &mut AuditedChange,
    principal: &Principal,
    before: Option<&Resource>,
    resource: &Resource,
) -> Result<(), AdminError> {
    principal.require(AdminScope::ResourcesWrite)?;
    if before.is_some_and(|before| !principal.may_administer(before.facts.owner.as_ref())) {
        return Err(AdminError::no_resource(&resource.resource));
    }
    principal.require_owner(resource.facts.owner.as_ref())?;
    if before.is_none_or(|before| before.signing_algorithm != resource.signing_algorithm) {
        require_key(principal, change.read(), resource.signing_algorithm).await?;
    }
    if before.is_none_or(|before| before.facts.owner != resource.facts.owner) {
        likeness::require_distinct(change, resource).await?;
    }
    Ok(())
}

/// Rejects an algorithm without a key, unless the caller may create signing keys.
async fn require_key(
    principal: &Principal,
    mut reader: Reader<'_>,
    algorithm: Option<Algorithm>,
) -> Result<(), AdminError> {
    let Some(algorithm) = algorithm else { return Ok(()) };
    let known = reader.signing_keys().await?;
    if known.iter().any(|key| key.algorithm == algorithm && !key.is_ended()) {
        return Ok(());
    }
    principal.require(AdminScope::KeysWrite)
}

/// Creates the first key of the algorithm that a resource needs, so that it can sign as soon as
/// possible. Before the first start of a server no keys exist; that server creates them.
pub(super) async fn publish_key(
    services: &Services,
    principal: &Principal,
    resource: &Resource,
) -> Result<(), AdminError> {
    let Some(algorithm) = resource.signing_algorithm else { return Ok(()) };
    if principal.mode() == WriteMode::DryRun {
        return Ok(());
    }
    let known = services.store.signing_keys().await?;
    if !known.is_empty() {
        signing_key::rotation::create_due_keys(services, &[algorithm], &known).await?;
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

/// Returns the readable resources that the caller may see, in alphabetical order.
pub async fn list(store: &Store, principal: &Principal) -> Result<Vec<Resource>, AdminError> {
    let mut found = store.stored_resources().await?.readable;
    found.retain(|resource| principal.may_administer(resource.facts.owner.as_ref()));
    Ok(found)
}

/// Returns a page of the resources that the caller may see, that match the filter, and whose
/// identifiers follow `after`.
pub async fn page(
    store: &Store,
    principal: &Principal,
    filter: ResourceFilter,
    after: &str,
    limit: u32,
) -> Result<ResourcePage, AdminError> {
    let owners = principal.owners_among(filter.owners);
    Ok(store.resource_page(&ResourceFilter { owners, ..filter }, after, limit).await?)
}

/// Changes members of a resource.
pub async fn update(
    services: &Services,
    principal: &Principal,
    id: &ResourceId,
    mut update: ResourceUpdate,
) -> Result<Changed<Resource>, AdminError> {
    principal.require(AdminScope::ResourcesWrite)?;
    if let Some(lifetime) = update.token_lifetime {
        check_lifetime(services, lifetime)?;
    }
    check_token_typ(id, update.token_typ.unwrap_or_default())?;
    check_built_in(id, &update)?;
    let mut change = principal.begin(services).await?;
    let before = visible_resource(change.read(), principal, id).await?;
    update.precondition.check(&Revision::of_resource(&before))?;
    let mut resource = before.clone();
    resource.scopes = changed_scopes(&before.scopes, &mut update)?;
    if id.is_built_in() && resource.scope_names() != before.scope_names() {
        return Err(Conflict::BuiltInScopes(id.clone()).into());
    }
    if let Some(lifetime) = update.token_lifetime {
        resource.token_lifetime = lifetime;
    }
    if let Some(algorithm) = update.signing_algorithm {
        resource.signing_algorithm = algorithm;
    }
    resource.token_typ = update.token_typ.unwrap_or(resource.token_typ);
    update.facts.apply_to(&mut resource.facts)?;
    if json!(before) != json!(resource) {
        let source = before.source.as_ref();
        principal.require_unmanaged(ObjectKind::Resource, id.as_str(), source)?;
        update.precondition.check_difference()?;
    }
    require_rights_to_write(&mut change, principal, Some(&before), &resource).await?;
    if !replace(&mut change, &before, &mut resource).await? {
        return Ok(Changed::before(resource));
    }
    grant::foreign::end_of_resource(&mut change, principal, &before, &resource, &[]).await?;
    change.commit().await?;
    publish_key(services, principal, &resource).await?;
    Ok(Changed::now(resource))
}

/// Writes the changes of a resource and the event. Removed scopes are removed from grants too.
/// Returns `false` if nothing differs; then nothing is written.
pub(super) async fn replace(
    change: &mut AuditedChange,
    before: &Resource,
    resource: &mut Resource,
) -> Result<bool, AdminError> {
    let Some(difference) = Difference::between(&json!(before), &json!(resource)) else {
        return Ok(false);
    };
    if resource.signing_algorithm != before.signing_algorithm {
        let now = change.now;
        resource.signed_before = signed_now(change.read(), before, now).await?;
    }
    resource.updated_at = change.now;
    if before.facts.owner != resource.facts.owner {
        let reason = CancelReason::ResourceOwnerChanged;
        grant_request::cancel_for_resource(change, &resource.resource, reason).await?;
    }
    change.transaction.update_resource(resource).await?;
    let (offered_before, offered) = (before.scope_names(), resource.scope_names());
    grant::stale_scopes::remove(change, &resource.resource, &offered_before, &offered).await?;
    let detail = difference.add_to(json!({
        "scopes": offered,
        "removed": offered_before.difference(&offered),
        "token_lifetime": resource.token_lifetime,
        "signing_algorithm": resource.signing_algorithm,
        "token_typ": resource.token_typ,
    }));
    let owner_before = before.facts.owner.clone();
    let owners = EventOwners::changed(owner_before, resource.facts.owner.clone());
    let subject = EventSubject::Resource(resource.resource.clone());
    change.record_with_owners(Action::ResourceUpdated, subject, owners, detail).await?;
    Ok(true)
}

/// Rejects a token type for this server itself that would not distinguish access tokens from its
/// other JWTs.
pub(super) fn check_token_typ(id: &ResourceId, typ: TokenTyp) -> Result<(), AdminError> {
    if id.is_built_in() && typ != TokenTyp::AtJwt {
        return Err(AdminError::invalid("token typ", InvalidValue::FixedTokenType(id.clone())));
    }
    Ok(())
}

/// Rejects changes of the fixed scopes of this server itself, and an owner for it: an administrator
/// of that owner could then grant its scopes.
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

/// Returns the algorithm that currently signs the tokens for a resource.
async fn signed_now(
    mut reader: Reader<'_>,
    resource: &Resource,
    now: Timestamp,
) -> Result<SignedBefore, AdminError> {
    let Some(own) = resource.signing_algorithm else { return Ok(SignedBefore::Server) };
    let known = reader.signing_keys().await?;
    let signs = signing_key(&known, own, now).is_some();
    Ok(match resource.signed_before {
        SignedBefore::Never => SignedBefore::Own(own),
        _ if signs => SignedBefore::Own(own),
        before => before,
    })
}

/// Sorts scopes by name. Rejects a duplicate, or too many of them.
pub(super) fn arranged(mut scopes: Vec<ResourceScope>) -> Result<Vec<ResourceScope>, AdminError> {
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
