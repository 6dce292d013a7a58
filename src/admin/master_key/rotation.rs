//! Rotation of the master key: seals all stored keys and responses under the first master key,
//! while servers run.
//!
//! The keys are sealed first, in one transaction with the event. The responses that are stored for
//! an `Idempotency-Key` follow in small steps, and all of them stay readable after each step. An
//! interrupted rotation continues when it is run again.

use serde_json::json;

use crate::admin::master_key::conflict::{LackingInstances, RotationConflict};
use crate::admin::master_key::status::ANSWERS_PER_PAGE;
use crate::admin::{AdminError, AuditedChange, Conflict, Principal};
use crate::keys::seal::MasterKeys;
use crate::model::event::{Action, EventSubject};
use crate::model::signing_key::{KeyId, Sealed};
use crate::model::time::{Clock, Timestamp};
use crate::services::sealed_keys::{SealedKeyName, SealedKeys};
use crate::store::Store;
use crate::store::instances::heartbeat::LiveInstance;

/// The keys that were sealed again.
#[derive(Debug)]
pub struct RotatedKeys {
    /// True if the tag key of generated secrets was sealed again.
    pub tag_key: bool,
    /// True if the audit key, which signs checkpoints, was sealed again.
    pub audit_key: bool,
    /// The signing keys that were sealed again.
    pub signing_keys: Vec<KeyId>,
    /// The running instances that seal under another master key. Keys that they generate later are
    /// sealed under that one.
    pub sealing_otherwise: Vec<LiveInstance>,
}

/// The result for the stored responses.
#[derive(Debug, Default)]
pub struct RotatedAnswers {
    /// The number of responses that were sealed again.
    pub sealed: u64,
    /// The number of responses that no master key opens. They expire within ten minutes.
    pub not_opened: u64,
}

/// The keys in the database that are sealed under a master key other than the first one.
#[derive(Default)]
struct Outdated<'a> {
    keys: Vec<(SealedKeyName<'a>, &'a Sealed)>,
    /// The master keys that these keys are sealed under.
    openers: Vec<String>,
    not_opened: Vec<String>,
}

impl<'a> Outdated<'a> {
    fn among(keys: &'a SealedKeys, master: &MasterKeys) -> Self {
        let mut outdated = Self::default();
        for (name, seal) in keys.iter() {
            if outdated.note(master, name.as_str(), seal) {
                outdated.keys.push((name, seal));
            }
        }
        outdated
    }

    fn signing_keys(&self) -> Vec<KeyId> {
        let signing = self.keys.iter().filter_map(|(name, _)| match name {
            SealedKeyName::Signing(kid) => Some((*kid).clone()),
            SealedKeyName::Tag | SealedKeyName::Audit => None,
        });
        signing.collect()
    }

    fn has(&self, name: SealedKeyName<'_>) -> bool {
        self.keys.iter().any(|(known, _)| *known == name)
    }

    /// True if a master key other than the first one opens the seal.
    fn note(&mut self, master: &MasterKeys, name: &str, seal: &Sealed) -> bool {
        match master.opener(name, seal) {
            None => {
                self.not_opened.push(name.to_owned());
                false
            }
            Some(opener) if opener == master.fingerprint() => false,
            Some(opener) => {
                if self.openers.iter().all(|known| known != opener) {
                    self.openers.push(opener.to_owned());
                }
                true
            }
        }
    }
}

/// Seals every key of the database under the first master key, and records the event. If all of
/// them already are, nothing is changed. `unused_at` is a time at which no instance was running, if
/// such a time is known. Instances whose last heartbeat is older have ended.
///
/// # Errors
///
/// [`Conflict::Rotation`] if a key cannot be opened, or if a running instance does not have the
/// first master key. Then nothing is changed.
pub async fn rotate_keys(
    store: &Store,
    clock: &Clock,
    principal: &Principal,
    master: &MasterKeys,
    unused_at: Option<Timestamp>,
) -> Result<RotatedKeys, AdminError> {
    let mut change = AuditedChange::begin_on(store, clock, principal.actor()).await?;
    let keys = SealedKeys::read(change.read()).await?;
    let outdated = Outdated::among(&keys, master);
    if !outdated.not_opened.is_empty() {
        let names = outdated.not_opened;
        return Err(Conflict::from(RotationConflict::KeysNotOpened { names }).into());
    }
    let now = change.database_now;
    let mut instances = change.read().live_instances(now).await?;
    instances.retain(|instance| unused_at.is_none_or(|time| time <= instance.last_heartbeat_at));
    let is_changed = !outdated.keys.is_empty();
    if is_changed {
        require_key(master, &instances, now)?;
        seal(&mut change, master, &outdated.keys).await?;
    }
    let signing_keys = outdated.signing_keys();
    let (tag_key, audit_key) =
        (outdated.has(SealedKeyName::Tag), outdated.has(SealedKeyName::Audit));
    if is_changed {
        let detail = json!({
            "master_key": master.fingerprint(),
            "before": outdated.openers,
            "tag_key": tag_key,
            "audit_key": audit_key,
            "signing_keys": signing_keys,
        });
        change.record(Action::MasterKeyRotated, EventSubject::MasterKey, detail).await?;
        change.commit().await?;
    }
    let first = master.fingerprint();
    let seals = |it: &LiveInstance| it.master_keys.first().is_some_and(|key| key == first);
    let sealing_otherwise = instances.into_iter().filter(|it| !seals(it)).collect();
    Ok(RotatedKeys { tag_key, audit_key, signing_keys, sealing_otherwise })
}

fn require_key(
    master: &MasterKeys,
    instances: &[LiveInstance],
    now: Timestamp,
) -> Result<(), Conflict> {
    let first = master.fingerprint();
    let lacks = |it: &&LiveInstance| it.master_keys.iter().all(|key| key != first);
    let instances: Vec<_> = instances.iter().filter(lacks).cloned().collect();
    if instances.is_empty() {
        return Ok(());
    }
    let lacking = LackingInstances { master_key: first.to_owned(), instances, now };
    Err(RotationConflict::InstancesLackKey(lacking).into())
}

async fn seal(
    change: &mut AuditedChange,
    master: &MasterKeys,
    keys: &[(SealedKeyName<'_>, &Sealed)],
) -> Result<(), AdminError> {
    for (name, old) in keys {
        let opened = master.open(name.as_str(), old)?;
        let new = master.seal(name.as_str(), &opened.content)?;
        match name {
            SealedKeyName::Tag | SealedKeyName::Audit => {
                change.transaction.reseal_key(name.as_str(), &new).await?;
            }
            SealedKeyName::Signing(kid) => {
                change.transaction.reseal_signing_key(kid, &new).await?;
            }
        }
    }
    Ok(())
}

/// Seals the stored responses under the first master key, one page at a time. This records no
/// event.
///
/// # Errors
///
/// An error of the database. Responses that were sealed before it stay sealed under the first key.
pub async fn rotate_answers(
    store: &Store,
    clock: &Clock,
    master: &MasterKeys,
) -> Result<RotatedAnswers, AdminError> {
    let now = store.time(clock).await?;
    let (mut rotated, mut after) = (RotatedAnswers::default(), String::new());
    loop {
        let page = store.sealed_answers(&after, now, ANSWERS_PER_PAGE).await?;
        let Some(last) = page.last() else { return Ok(rotated) };
        after.clone_from(&last.key_hash);
        for old in &page {
            let name = old.name();
            match master.open(&name, &old.answer) {
                Err(_) => rotated.not_opened += 1,
                Ok(opened) if !opened.is_outdated => {}
                Ok(opened) => {
                    let new = master.seal(&name, &opened.content)?;
                    rotated.sealed += u64::from(store.reseal_answer(old, &new).await?);
                }
            }
        }
    }
}
