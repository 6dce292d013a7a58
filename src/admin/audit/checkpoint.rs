//! Checkpoints: the signed end of the audit log. A checkpoint that is stored elsewhere proves later
//! that no earlier event was changed or removed. This holds even against an attacker with full
//! access to the database.

use serde_json::Value;

use crate::admin::{AdminError, AuditedChange, Conflict, Principal};
use crate::crypto::CryptoError;
use crate::jose::checkpoint::{self, CheckpointClaims, CheckpointSigner};
use crate::model::admin_scope::AdminScope;
use crate::model::checkpoint::Checkpoint;
use crate::model::event::Head;
use crate::model::time::Timestamp;
use crate::services::Services;
use crate::services::audited_change::Actor;
use crate::services::opening::AUDIT_KEY;
use crate::store::Store;

/// Signs the end of the log. A checkpoint is not an event: it adds no information to the log.
///
/// # Errors
/// [`AdminError::ScopeMissing`] without `keys:write`, [`AdminError::Limited`] for an administrator
/// that is limited to owners, [`AdminError::IssuerMissing`], [`Conflict::AuditLogEmpty`], and
/// [`Conflict::AuditLogAltered`] if an earlier checkpoint does not fit the log.
pub async fn create(
    services: &Services,
    principal: &Principal,
    issuer: &str,
) -> Result<Checkpoint, AdminError> {
    principal.require(AdminScope::KeysWrite)?;
    principal.require_all_owners("a checkpoint of the audit log")?;
    let signer = signer(services).await?;
    let mut change = principal.begin(services).await?;
    let checkpoint = sign_end(&mut change, &signer, issuer).await?;
    change.commit().await?;
    Ok(checkpoint)
}

/// Signs the end of the log if the last checkpoint is older than `audit.checkpoint_interval`. If
/// several instances do this at the same time, only one creates a checkpoint.
///
/// # Errors
/// As [`create`].
pub async fn create_if_due(
    services: &Services,
    issuer: &str,
) -> Result<Option<Checkpoint>, AdminError> {
    let store = &services.store;
    let Some(interval) = services.config.audit.checkpoint_interval else { return Ok(None) };
    let is_due = |last: Option<Timestamp>, now: Timestamp| {
        last.is_none_or(|last| last.plus(interval) <= now)
    };
    let now = store.time(&services.clock).await?;
    if !is_due(store.last_checkpoint_at().await?, now) || store.head().await?.sequence == 0 {
        return Ok(None);
    }
    let signer = signer(services).await?;
    let mut change = AuditedChange::begin(services, &Actor::server()).await?;
    let newest = change.read().newest_checkpoint().await?;
    if !is_due(newest.map(|newest| newest.signed_at), change.database_now) {
        return Ok(None);
    }
    let checkpoint = sign_end(&mut change, &signer, issuer).await?;
    change.commit().await?;
    Ok(Some(checkpoint))
}

async fn sign_end(
    change: &mut AuditedChange,
    signer: &CheckpointSigner,
    issuer: &str,
) -> Result<Checkpoint, AdminError> {
    let head = change.transaction.head().clone();
    if head.sequence == 0 {
        return Err(Conflict::AuditLogEmpty.into());
    }
    let newest = change.read().newest_checkpoint().await?;
    let beyond = newest.filter(|newest| newest.head.sequence > head.sequence);
    if let Some(Checkpoint { head: Head { sequence, .. }, .. }) = beyond {
        return Err(Conflict::AuditLogAltered(sequence).into());
    }
    let checkpoint = sign(signer, issuer, head, change.database_now)?;
    if !change.transaction.put_checkpoint(&checkpoint).await? {
        let sequence = checkpoint.head.sequence;
        return Err(Conflict::AuditLogAltered(sequence).into());
    }
    Ok(checkpoint)
}

/// Signs that the log contains this event.
pub(in crate::admin) fn sign(
    signer: &CheckpointSigner,
    issuer: &str,
    head: Head,
    now: Timestamp,
) -> Result<Checkpoint, AdminError> {
    if issuer.is_empty() {
        return Err(AdminError::IssuerMissing);
    }
    let (iss, hash) = (issuer.to_owned(), head.hash.clone());
    let claims = CheckpointClaims { iss, iat: now.0, sequence: head.sequence, hash };
    let jws = signer.sign(&claims)?;
    Ok(Checkpoint { head, jws, signed_at: now, anchored_at: None })
}

/// Returns the signing key, and creates it if the database has none. If several processes create
/// one at the same time, all of them get the same key.
pub(super) async fn signer(services: &Services) -> Result<CheckpointSigner, AdminError> {
    let (store, master) = (&services.store, &services.keys.master);
    let seal = if let Some(seal) = store.sealed_key(AUDIT_KEY).await? {
        seal
    } else {
        let sealed = master.seal(AUDIT_KEY, &checkpoint::generate()?)?;
        store.keep_sealed_key(AUDIT_KEY, &sealed).await?
    };
    let opened = master.open(AUDIT_KEY, &seal)?;
    let signer = CheckpointSigner::new(&opened.content)?;
    let now = store.time(&services.clock).await?;
    store.keep_audit_key(signer.kid(), signer.public_jwk(), now).await?;
    Ok(signer)
}

/// Returns the keys that verify checkpoints (RFC 7517): every audit key of this database, newest
/// first.
///
/// # Errors
/// An error of the database, or a stored key that cannot be read.
pub async fn key_set(store: &Store) -> Result<Vec<Value>, AdminError> {
    let stored = store.audit_keys().await?;
    let keys: Result<_, _> = stored.iter().map(|jwk| serde_json::from_str(jwk)).collect();
    Ok(keys.map_err(|_| CryptoError::Failed("reading the public half of an audit key"))?)
}
