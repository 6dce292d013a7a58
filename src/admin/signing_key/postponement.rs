//! Postponement: a new key signs later, once, if readers of the key set do not know it yet
//! (`keys.wait_for_readers`).

use serde_json::json;

use crate::admin::{Actor, AdminError, AuditedChange};
use crate::config::KeySettings;
use crate::model::event::{Action, EventSubject};
use crate::model::key_set_reader::KeySetReader;
use crate::model::signing_key::SigningKeyRecord;
use crate::model::time::Timestamp;
use crate::services::Services;

/// The time before a key signs at which its readers are checked, in seconds.
const LOOK_BEFORE_SECONDS: i64 = 900;

/// The time before a key signs in which it is no longer postponed, in seconds. The other instances
/// need this time to follow.
const FOLLOWING_SECONDS: i64 = 10;

/// Postpones the keys that are about to sign but have not been fetched by a steady reader. Returns
/// true if there are any. Each key is postponed at most once. Readers that never return, or that an
/// attacker invents, therefore cannot stop a rotation.
pub(super) async fn postpone(
    services: &Services,
    known: &[SigningKeyRecord],
) -> Result<bool, AdminError> {
    let settings = &services.config.keys;
    let is_due = |key: &&SigningKeyRecord, now| is_about_to_sign(key, settings, now);
    if !settings.wait_for_readers || !known.iter().any(|key| is_due(&key, services.clock.now())) {
        return Ok(false);
    }
    let mut change = AuditedChange::begin(services, &Actor::server()).await?;
    let now = change.now;
    let readers = change.read().key_set_readers().await?;
    let known = change.read().signing_keys().await?;
    let mut is_changed = false;
    for key in known.iter().filter(|key| is_due(key, now)) {
        let behind = behind(&readers, key, now);
        if behind == 0 {
            continue;
        }
        let signs_from = key.signs_from.plus(settings.publish_before);
        change.transaction.reschedule_signing_key(&key.kid, signs_from, Some(now)).await?;
        let detail = json!({
            "was": { "signs_from": key.signs_from }, "is": { "signs_from": signs_from },
            "readers_behind": behind,
        });
        let subject = EventSubject::SigningKey(key.kid.clone());
        change.record(Action::KeyPostponed, subject, detail).await?;
        is_changed = true;
    }
    if is_changed {
        change.commit().await?;
    }
    Ok(is_changed)
}

/// True for a key that signs soon, was published for the usual time, and has not been postponed. A
/// key that an operator lets sign earlier is excluded.
fn is_about_to_sign(key: &SigningKeyRecord, settings: &KeySettings, now: Timestamp) -> bool {
    let before = LOOK_BEFORE_SECONDS.min(settings.publish_before.seconds() / 2);
    key.postponed_at.is_none()
        && !key.is_ended()
        && key.signs_from >= key.created_at.plus(settings.publish_before)
        && key.signs_from.minus_seconds(before) <= now
        && now < key.signs_from.minus_seconds(FOLLOWING_SECONDS)
}

/// Returns the number of steady readers that do not know a key.
fn behind(readers: &[KeySetReader], key: &SigningKeyRecord, now: Timestamp) -> usize {
    let steady = readers.iter().filter(|reader| reader.is_steady(now));
    steady.filter(|reader| !reader.knows(key.created_at)).count()
}
