//! Rotation: replaces the secrets of a client by a new one.

use serde_json::json;

use crate::admin::secret::{
    MadeSecret, NewSecret, check_count, check_digest, expire_immediately, generate, note_digest,
};
use crate::admin::uncommitted::Pending;
use crate::admin::{AdminError, Principal, client_within_rights, owner};
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::event::{Action, EventSubject};
use crate::model::overlap::Overlap;
use crate::model::secret::SecretRecord;
use crate::services::Services;

/// Adds a new secret to a client and ends all others: calls [`prepare`] and commits.
pub async fn rotate(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    new: &NewSecret,
    overlap: Overlap,
) -> Result<MadeSecret, AdminError> {
    prepare(services, principal, id, new, overlap).await?.commit().await
}

/// Prepares a new secret for a client and the end of all others. During the overlap all of them are
/// valid. With [`Overlap::UntilUnused`] the server ends each older secret as soon as it is unused.
///
/// # Errors
/// [`AdminError::ScopeMissing`], [`AdminError::MorePowerful`], not found, too many secrets, or an
/// error of the database.
pub async fn prepare(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    new: &NewSecret,
    overlap: Overlap,
) -> Result<Pending<MadeSecret>, AdminError> {
    principal.require(AdminScope::SecretsWrite)?;
    // Checked first, so that no hash is computed in vain. The transaction checks both again.
    let current = client_within_rights(services.store.read(), principal, id).await?;
    if overlap != Overlap::None {
        check_count(services, &current, services.clock.now())?;
    }
    let (plain, record) = generate(services, principal.mode(), id, new).await?;
    let mut change = principal.begin(services).await?;
    let current = client_within_rights(change.read(), principal, id).await?;
    let (end, window) = match overlap {
        Overlap::None => (expire_immediately(&change), None),
        Overlap::For(lifetime) => (change.now.plus(lifetime), None),
        Overlap::UntilUnused { window, max } => (change.now.plus(max), Some(window)),
    };
    if overlap != Overlap::None {
        check_count(services, &current, change.now)?;
    }
    check_digest(&current, &record)?;
    change.transaction.add_secret(id, &record).await?;
    let mut ended = Vec::new();
    for old in &current.secrets {
        // A secret that already ends sooner is not extended.
        let is_sooner = old.expires_at.is_none_or(|expiry| end < expiry);
        if !is_sooner && !old.is_valid(change.now) {
            continue;
        }
        let replaced = SecretRecord {
            expires_at: if is_sooner { Some(end) } else { old.expires_at },
            replaced_by: Some(record.secret_id.clone()),
            unused_window: window.or(old.unused_window),
            ..old.clone()
        };
        change.transaction.update_secret(id, &replaced).await?;
        if is_sooner {
            ended.push(&old.secret_id);
        }
    }
    let mut detail = json!({ "secret_id": record.secret_id, "ended": ended, "ended_at": end });
    if window.is_some() {
        detail["overlap"] = json!(overlap.to_string());
    }
    note_digest(&mut detail, new);
    change.record(Action::SecretRotated, EventSubject::Client(id.clone()), detail).await?;
    owner::policy::check(&mut change, Some(&current), id).await?;
    let old_secrets_end = (!ended.is_empty()).then_some(end);
    Ok(Pending::new(change, MadeSecret { record, plain, old_secrets_end }))
}
