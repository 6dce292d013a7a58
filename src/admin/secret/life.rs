//! Automatic changes of secrets: the early end of an unused secret, and the warning before a secret
//! expires. Running servers call these operations; all instances may do so at the same time.

use serde_json::json;

use crate::admin::secret::{expire_immediately, expired_at};
use crate::admin::{Actor, AdminError, AuditedChange};
use crate::model::client::{ClientId, Registration};
use crate::model::event::{Action, EventSubject};
use crate::model::secret::{SecretId, SecretRecord};
use crate::model::time::Clock;
use crate::model::usage::UsageHorizon;
use crate::services::Services;
use crate::store::secrets::life::DueSecret;
use crate::store::{Store, StoreError};

/// The number of secrets in one change, which blocks other changes.
const MAX_SECRETS_PER_BATCH: u32 = 50;

/// Returns the time up to which the usage statistics are complete.
pub async fn horizon(store: &Store, clock: &Clock) -> Result<UsageHorizon, StoreError> {
    let database_now = store.time(clock).await?;
    let written_until = store.usage_written_until(database_now).await?;
    // Without a running instance, nothing is being used.
    Ok(UsageHorizon { now: clock.now(), written_until: written_until.unwrap_or(database_now) })
}

/// Sets for each secret of a client whether it can be ended safely and whether it expires soon.
pub async fn assess(services: &Services, found: &mut Registration) -> Result<(), AdminError> {
    let horizon = horizon(&services.store, &services.clock).await?;
    found.assess(&horizon, services.config.secrets.warn_before);
    Ok(())
}

/// Ends the replaced secrets that are waiting to become unused, once they are. Returns their
/// number.
///
/// The transaction checks again that a secret is unused. Of several instances only one ends it, and
/// the others find it ended.
///
/// # Errors
/// An error of the database. Secrets that were ended before it stay ended.
pub async fn end_unused(services: &Services) -> Result<usize, AdminError> {
    let mut count = 0;
    loop {
        let horizon = horizon(&services.store, &services.clock).await?;
        let due = services.store.unused_secrets(&horizon, MAX_SECRETS_PER_BATCH).await?;
        if due.is_empty() {
            return Ok(count);
        }
        let mut change = AuditedChange::begin(services, &Actor::server()).await?;
        let mut ended = 0;
        for DueSecret { client_id, secret_id } in due {
            ended +=
                usize::from(end_if_unused(&mut change, &client_id, &secret_id, &horizon).await?);
        }
        if ended == 0 {
            // Another instance was faster.
            return Ok(count);
        }
        change.commit().await?;
        count += ended;
    }
}

async fn end_if_unused(
    change: &mut AuditedChange,
    client_id: &ClientId,
    secret_id: &SecretId,
    horizon: &UsageHorizon,
) -> Result<bool, AdminError> {
    let Some(found) = readable(change, client_id).await? else { return Ok(false) };
    let secret = found.secrets.iter().find(|secret| secret.secret_id == *secret_id);
    let Some(secret) = secret.filter(|secret| found.is_unused(secret, horizon)) else {
        return Ok(false);
    };
    let end = expire_immediately(change);
    let ended = SecretRecord { unused_window: None, ..expired_at(secret, end) };
    change.transaction.update_secret(client_id, &ended).await?;
    let detail = json!({
        "secret_id": secret_id,
        "ended_at": end,
        "cause": "unused",
        "unused_window_seconds": secret.unused_window,
        "replaced_by": secret.replaced_by,
        "last_used_at": secret.usage.map(|usage| usage.last_used_at),
        "was": { "expires_at": secret.expires_at },
        "is": { "expires_at": end },
    });
    change.record(Action::SecretExpired, EventSubject::Client(client_id.clone()), detail).await?;
    Ok(true)
}

/// Records one warning event for each secret that expires within `secrets.warn_before`. Secrets
/// that a rotation has replaced are left out, because their end is intended. Returns the number of
/// warnings.
///
/// # Errors
/// An error of the database. Warnings that were recorded before it are kept.
pub async fn record_warnings(services: &Services) -> Result<usize, AdminError> {
    let warn_before = services.config.secrets.warn_before;
    let mut count = 0;
    loop {
        let now = services.clock.now();
        let until = now.plus(warn_before);
        let store = &services.store;
        if store.read().secrets_to_warn_of(now, until, 1).await?.is_empty() {
            return Ok(count);
        }
        let mut change = AuditedChange::begin(services, &Actor::server()).await?;
        let due = change.read().secrets_to_warn_of(now, until, MAX_SECRETS_PER_BATCH).await?;
        if due.is_empty() {
            // Another instance was faster.
            return Ok(count);
        }
        let mut recorded = 0;
        for DueSecret { client_id, secret_id } in due {
            recorded += usize::from(record_warning(&mut change, &client_id, &secret_id).await?);
        }
        if recorded == 0 {
            // None of their clients can be read.
            return Ok(count);
        }
        change.commit().await?;
        count += recorded;
    }
}

async fn record_warning(
    change: &mut AuditedChange,
    client_id: &ClientId,
    secret_id: &SecretId,
) -> Result<bool, AdminError> {
    let Some(found) = readable(change, client_id).await? else { return Ok(false) };
    let secret = found.secrets.iter().find(|secret| secret.secret_id == *secret_id);
    let Some(secret) = secret else { return Ok(false) };
    let warned = SecretRecord { warned_at: Some(change.now), ..secret.clone() };
    change.transaction.update_secret(client_id, &warned).await?;
    let detail = json!({
        "secret_id": secret_id,
        "label": secret.label,
        "expires_at": secret.expires_at,
        "last_used_at": secret.usage.map(|usage| usage.last_used_at),
    });
    change.record(Action::SecretExpiring, EventSubject::Client(client_id.clone()), detail).await?;
    Ok(true)
}

/// Reads a client. A client that cannot be read is skipped: it gets no tokens, and must not block
/// the others.
async fn readable(
    change: &mut AuditedChange,
    client_id: &ClientId,
) -> Result<Option<Registration>, AdminError> {
    match change.read().registration(client_id).await {
        Err(StoreError::Unreadable(problem)) => {
            tracing::error!(client.id = %client_id, %problem, "a client cannot be read");
            Ok(None)
        }
        other => Ok(other?),
    }
}
