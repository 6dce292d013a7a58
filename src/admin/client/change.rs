//! Changes of clients. One transaction checks the precondition and the rights of the caller, writes
//! the differences, and records an event for each kind of difference.

use serde_json::json;

use crate::admin::client::update::ClientUpdate;
use crate::admin::client::{
    check_lifetime, check_security, claims, create, event_detail, key, weaker_credentials,
};
use crate::admin::difference::Difference;
use crate::admin::grant_request::{self, CancelReason};
use crate::admin::owner::change::Stated;
use crate::admin::revision::{PreconditionError, Revision};
use crate::admin::{
    AdminError, AuditedChange, Changed, Conflict, EndedCredentials, ObjectKind, Principal,
    client_within_rights, facts, grant, owner, revocation, secret,
};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{Client, ClientId, ClientState, Registration};
use crate::model::event::{Action, EventOwners, EventSubject};
use crate::services::Services;

/// The result of [`put`].
#[derive(Debug)]
pub enum Put {
    /// The client was created.
    Created(Registration),
    /// The client already existed.
    Existing(Changed<Registration>),
}

/// Changes members of a client. Only differences are written. An update that changes nothing
/// succeeds without an event.
///
/// # Errors
/// [`AdminError::Precondition`], a right that the caller lacks, or a value that is not allowed.
pub async fn update(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    mut update: ClientUpdate,
) -> Result<Changed<Registration>, AdminError> {
    update.require_rights(principal)?;
    check_values(services, &update).await?;
    // Unchanged members are not checked: an import may have set them.
    let is_touched = update.changes_security();
    let has_claims = update.claims.is_some() || update.grants.is_some();
    let condition = std::mem::take(&mut update.precondition);
    let stated = Stated {
        tls_subject: update.tls_subject.is_some(),
        grants: update.grants.is_some(),
        ..Stated::default()
    };
    let mut change = principal.begin(services).await?;
    let was = client_within_rights(change.read(), principal, id).await?;
    condition.check(&Revision::of_client(&was))?;
    let mut is = was.clone();
    update.apply_to(&mut is)?;
    let difference = Difference::between(&json!(was.client), &json!(is.client));
    let differs = difference.is_some() || was.grants != is.grants;
    if differs {
        principal.require_unmanaged_client(&was.client)?;
    }
    require_rights_to_differences(&mut change, principal, &was, &is).await?;
    if has_claims {
        claims::check_sizes(&is.client.claims, &is.grants)?;
    }
    if is_touched {
        check_security(&is.client.security, &is.client.auth_methods)?;
    }
    if !differs {
        return Ok(Changed::before(was));
    }
    condition.check_difference()?;
    if difference.is_some() {
        let ended = release(&mut change, principal, &was, &mut is, &stated).await?;
        is.client.updated_at = change.now;
        change.transaction.update_client(&is.client).await?;
        record_state(services, &mut change, was.client.state, &is.client, None).await?;
        record_changes(&mut change, &was, &mut is, ended).await?;
    }
    grant::replace(&mut change, &was.grants, &mut is).await?;
    owner::policy::check(&mut change, Some(&was), id).await?;
    change.commit().await?;
    Ok(Changed::now(is))
}

/// Ends the rights that the client must not keep when its owner changes. The caller writes the
/// grants.
async fn release(
    change: &mut AuditedChange,
    principal: &Principal,
    was: &Registration,
    is: &mut Registration,
    stated: &Stated,
) -> Result<EndedCredentials, AdminError> {
    let at = secret::expire_immediately(change);
    let ended = owner::change::release(change.read(), principal, at, was, is, stated).await?;
    weaker_credentials::store(change, is, &ended).await?;
    Ok(ended)
}

/// Records the members that differ. It also ends what depended on the former owner or limit:
/// pending grant requests after a change of the owner, and credentials set by weaker callers.
async fn record_changes(
    change: &mut AuditedChange,
    was: &Registration,
    is: &mut Registration,
    mut ended: EndedCredentials,
) -> Result<(), AdminError> {
    if was.client.facts.owner != is.client.facts.owner {
        let reason = CancelReason::ClientOwnerChanged;
        grant_request::cancel_of_client(change, &is.client.client_id, reason).await?;
    }
    if was.client.admin_of != is.client.admin_of {
        // The limit is part of an administrator's rights.
        let grants = is.grants.clone();
        ended = ended.and(weaker_credentials::end(change, is, &grants).await?);
    }
    record_members(change, was, is, &ended).await
}

/// Sets all members of a client. It creates the client, without a secret, if it does not exist.
///
/// # Errors
/// As [`fn@update`] and [`create`].
pub async fn put(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    members: ClientUpdate,
) -> Result<Put, AdminError> {
    let mut conflict = AdminError::from(PreconditionError::Changed);
    // Another caller may create or delete the client between the two attempts.
    for _ in 0..2 {
        match update(services, principal, id, members.clone()).await {
            Err(AdminError::NotFound { kind: ObjectKind::Client, .. }) => {}
            outcome => return outcome.map(Put::Existing),
        }
        if !members.precondition.admits_absence() {
            return Err(PreconditionError::Changed.into());
        }
        let new = members.clone().into_new(Some(id.clone()), None)?;
        match create(services, principal, new).await {
            Err(error @ AdminError::Conflict(Conflict::AlreadyExists(_))) => conflict = error,
            outcome => return outcome.map(|(made, _)| Put::Created(made)),
        }
    }
    // The client is created and deleted repeatedly, or the caller may not see it.
    Err(conflict)
}

/// Rejects values that are invalid for every client.
async fn check_values(services: &Services, update: &ClientUpdate) -> Result<(), AdminError> {
    if let Some(lifetime) = update.token_lifetime {
        check_lifetime(services, lifetime)?;
    }
    facts::check_admin_of(update.admin_of.as_ref().and_then(Option::as_ref))?;
    if let Some(audiences) = &update.assertion_audiences {
        key::check_audiences(services, audiences).await?;
    }
    Ok(())
}

/// Rejects a caller that lacks the right to change a member that differs.
async fn require_rights_to_differences(
    change: &mut AuditedChange,
    principal: &Principal,
    was: &Registration,
    is: &Registration,
) -> Result<(), AdminError> {
    if was.client.claims != is.client.claims || was.grants != is.grants {
        principal.require(AdminScope::GrantsWrite)?;
    }
    let has_tls_difference = was.client.security.tls_subject != is.client.security.tls_subject;
    if has_tls_difference || was.client.leak_policy != is.client.leak_policy {
        principal.require(AdminScope::SecretsWrite)?;
    }
    owner::ownership::check_whole_client(change, principal, Some(was), &is.client, &is.grants).await
}

/// Records that a client was enabled or disabled. Disabling it revokes its tokens.
pub(super) async fn record_state(
    services: &Services,
    change: &mut AuditedChange,
    was: ClientState,
    client: &Client,
    reason: Option<&str>,
) -> Result<(), AdminError> {
    let (id, is) = (&client.client_id, client.state);
    if was == is {
        return Ok(());
    }
    let action = match is {
        ClientState::Active => Action::ClientEnabled,
        ClientState::Disabled => {
            revocation::end_tokens(services, change, id).await?;
            Action::ClientDisabled
        }
    };
    let detail = json!({ "reason": reason, "was": { "state": was }, "is": { "state": is } });
    Ok(change.record(action, EventSubject::Client(id.clone()), detail).await?)
}

/// Records the other members that differ.
async fn record_members(
    change: &mut AuditedChange,
    was: &Registration,
    is: &Registration,
    ended: &EndedCredentials,
) -> Result<(), AdminError> {
    let client = &is.client;
    let mut with_old_state = client.clone();
    with_old_state.state = was.client.state;
    let difference = Difference::between(&json!(was.client), &json!(with_old_state));
    let Some(difference) = difference else { return Ok(()) };
    let mut detail = difference.add_to(event_detail(client));
    ended.add_to(&mut detail);
    let (before, now) = (was.client.facts.owner.clone(), client.facts.owner.clone());
    let owners = EventOwners::changed(before, now);
    let subject = EventSubject::Client(client.client_id.clone());
    Ok(change.record_with_owners(Action::ClientUpdated, subject, owners, detail).await?)
}
