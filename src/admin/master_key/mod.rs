//! The master key: the state of keys sealed under it, its rotation, and recovery after its loss.

mod conflict;
pub mod rotation;
pub mod status;

use serde_json::json;

pub use crate::admin::master_key::conflict::RotationConflict;

use crate::admin::{AdminError, AuditedChange, Conflict, Principal};
use crate::config::Config;
use crate::keys::seal::MasterKeys;
use crate::model::event::{Action, EventSubject};
use crate::model::key_timeline::{KeyState, KeyTimeline};
use crate::model::signing_key::{KeyId, Sealed, SigningKeyRecord};
use crate::model::time::Clock;
use crate::services::master_key::{self, FoundKey};
use crate::services::opening::{AUDIT_KEY, TAG_KEY};
use crate::services::sealed_keys::{SealedKeyName, SealedKeys};
use crate::store::Store;

/// The sealed keys that can no longer be opened.
#[derive(Debug)]
pub struct LostKeys {
    /// True if the tag key of generated secrets is lost.
    pub tag_key: bool,
    /// True if the audit key is lost. Checkpoints that it signed stay valid.
    pub audit_key: bool,
    /// The signing keys whose private half is lost.
    pub signing_keys: Vec<KeyId>,
    /// Those of them that are currently in the key set and whose public half is stored. They stay
    /// published until the tokens that they signed have expired.
    pub published: Vec<KeyId>,
}

/// The result of a reset.
#[derive(Debug)]
pub struct Reset {
    /// The keys that were lost.
    pub lost: LostKeys,
    /// The number of generated secrets that are now verified by their hash.
    pub secrets: u64,
    /// The number of deleted responses that were stored for an `Idempotency-Key`.
    pub answers: u64,
}

/// Finds the keys that the configured master key does not open. Without a master key, all keys are
/// lost.
///
/// # Errors
///
/// [`AdminError::Conflict`] if every key can be opened, or if there are none.
pub async fn find_lost(
    config: &Config,
    store: &Store,
    clock: &Clock,
) -> Result<LostKeys, AdminError> {
    let found = master_key::find(config).await;
    let found = found.map_err(|error| Conflict::MasterKey(error.to_string()))?;
    let master = found.map(|FoundKey { keys, .. }| MasterKeys::derive(&keys)).transpose()?;
    let is_lost = |name: &str, seal: &Sealed| {
        master.as_ref().is_none_or(|master| master.open(name, seal).is_err())
    };
    let keys = SealedKeys::read(store.read()).await?;
    let records = &keys.signing_keys;
    let lost: Vec<_> = keys
        .iter()
        .filter(|(name, seal)| is_lost(name.as_str(), seal))
        .map(|(name, _)| name)
        .collect();
    let is_lost_key =
        |record: &&SigningKeyRecord| lost.contains(&SealedKeyName::Signing(&record.kid));
    let (now, keep) = (clock.now(), config.keep_seconds());
    let is_published = |record: &&SigningKeyRecord| {
        record.public_jwk.is_some()
            && matches!(
                KeyTimeline::of(record, records, keep).state(now),
                KeyState::Signing | KeyState::Verifying
            )
    };
    let ids = |record: &SigningKeyRecord| record.kid.clone();
    let signing_keys: Vec<_> = records.iter().filter(is_lost_key).map(ids).collect();
    let published = records.iter().filter(is_lost_key).filter(is_published).map(ids).collect();
    let (tag_key, audit_key) =
        (lost.contains(&SealedKeyName::Tag), lost.contains(&SealedKeyName::Audit));
    if !tag_key && !audit_key && signing_keys.is_empty() {
        return Err(Conflict::NoKeyLost.into());
    }
    Ok(LostKeys { tag_key, audit_key, signing_keys, published })
}

/// Removes the lost keys from the database. The next start of a server generates new ones under its
/// master key. Clients, secrets and grants are kept, and generated secrets are verified by their
/// hash. Stored responses are deleted, because only the lost key could open them.
///
/// # Errors
///
/// [`crate::store::StoreError::InUse`] if an instance is running.
pub async fn reset(
    store: &Store,
    clock: &Clock,
    principal: &Principal,
    lost: LostKeys,
) -> Result<Reset, AdminError> {
    let mut change = AuditedChange::begin_on(store, clock, principal.actor()).await?;
    change.transaction.require_no_instance().await?;
    let (mut secrets, mut answers) = (0, 0);
    if lost.tag_key {
        change.transaction.remove_sealed_key(TAG_KEY).await?;
        secrets = change.transaction.check_secrets_by_hash().await?;
        answers = change.transaction.remove_answers().await?;
    }
    if lost.audit_key {
        change.transaction.remove_sealed_key(AUDIT_KEY).await?;
    }
    for kid in &lost.signing_keys {
        change.transaction.lose_signing_key(kid, change.now).await?;
    }
    let detail = json!({
        "tag_key": lost.tag_key,
        "audit_key": lost.audit_key,
        "signing_keys": lost.signing_keys,
        "still_published": lost.published,
        "secrets_checked_by_hash": secrets,
        "stored_answers_deleted": answers,
    });
    change.record(Action::MasterKeyReset, EventSubject::MasterKey, detail).await?;
    change.commit().await?;
    Ok(Reset { lost, secrets, answers })
}
