//! Rotation of signing keys: one key always signs, its successor is published in time (D7), and
//! keys of an unneeded algorithm leave the key set.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use crate::admin::signing_key::postponement;
use crate::admin::{Actor, AdminError, AuditedChange};
use crate::app::App;
use crate::config::KeySettings;
use crate::crypto::CryptoError;
use crate::directory::DirectoryError;
use crate::keys::keyring;
use crate::model::event::{Action, EventSubject};
use crate::model::key_timeline::{KeyState, KeyTimeline};
use crate::model::signing_key::{Algorithm, KeyId, SigningKeyRecord};
use crate::model::time::Timestamp;
use crate::services::Services;

/// The steps that a rotation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationPolicy {
    /// Creates keys that are due. For a command that signs without serving, because its settings
    /// may differ from those of the servers.
    CreateDue,
    /// Also retires the keys of unneeded algorithms, and may postpone a key that readers do not
    /// know yet. For servers.
    CreateAndRetire,
}

/// Why the signing keys could not be rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// A key could not be created or retired.
    #[error("cannot make a signing key")]
    Change(#[from] AdminError),
    /// The new keys could not be loaded.
    #[error("cannot load the signing keys")]
    Load(#[from] DirectoryError),
}

/// Creates the signing keys that are due for the algorithms of the server and of resources, and
/// takes the other steps that `policy` allows. The keyring in memory is updated.
pub async fn rotate_due_keys(app: &App, policy: RotationPolicy) -> Result<(), RotationError> {
    let needed = needed_algorithms(app);
    if policy == RotationPolicy::CreateDue {
        return create_and_load(app, &needed).await;
    }
    let keyring = || Arc::clone(&app.directory.keyring());
    note_needed(&app.services, &needed, keyring().records()).await?;
    create_and_load(app, &needed).await?;
    if postponement::postpone(&app.services, keyring().records()).await? {
        app.catch_up().await?;
    }
    if !retire_unneeded(&app.services, &needed, keyring().records()).await?.is_empty() {
        app.catch_up().await?;
    }
    Ok(())
}

async fn create_and_load(app: &App, needed: &[Algorithm]) -> Result<(), RotationError> {
    let keyring = Arc::clone(&app.directory.keyring());
    if !create_due_keys(&app.services, needed, keyring.records()).await?.is_empty() {
        app.catch_up().await?;
    }
    Ok(())
}

/// Returns the algorithms of the server and of resources.
fn needed_algorithms(app: &App) -> Vec<Algorithm> {
    let mut algorithms = BTreeSet::from([app.services.config.token.algorithm]);
    let resources = app.directory.resources();
    algorithms.extend(resources.values().filter_map(|resource| resource.signing_algorithm));
    algorithms.into_iter().collect()
}

/// Creates the keys that are due for these algorithms, and returns their ids. Several instances may
/// do this at the same time: the hash chain serializes them, and later ones find the key.
pub(in crate::admin) async fn create_due_keys(
    services: &Services,
    needed: &[Algorithm],
    known: &[SigningKeyRecord],
) -> Result<Vec<KeyId>, AdminError> {
    let now = services.clock.now();
    let mut made = Vec::new();
    for algorithm in needed {
        if step(services, known, *algorithm, now).is_some() {
            made.extend(apply_step(services, *algorithm).await?);
        }
    }
    Ok(made)
}

/// The time for which an instance is assumed to need its algorithms after its last notice, in
/// seconds.
const NEEDED_SECONDS: i64 = 3600;

/// Tells other instances which algorithms this one needs, so that they do not retire their keys.
/// Nothing is written while exactly these algorithms have keys, because no instance would retire
/// one. It must be called before [`create_due_keys`], whose keys others could otherwise retire
/// immediately.
async fn note_needed(
    services: &Services,
    needed: &[Algorithm],
    known: &[SigningKeyRecord],
) -> Result<(), AdminError> {
    let known: Vec<_> = known.iter().filter(|key| !key.is_ended()).collect();
    let has_key = |algorithm: &Algorithm| known.iter().any(|key| key.algorithm == *algorithm);
    let is_alone =
        needed.iter().all(has_key) && known.iter().all(|key| needed.contains(&key.algorithm));
    if is_alone {
        return Ok(());
    }
    let (instance, now) = (&services.instance, services.clock.now());
    for algorithm in needed {
        services.store.note_wanted_algorithm(instance, *algorithm, now).await?;
    }
    Ok(())
}

/// Retires the keys of all algorithms that no instance needs, as soon as every needed one has a key
/// that signs. The key set then contains only algorithms in use. For servers only, which know the
/// needed algorithms. Returns the ids of the keys.
async fn retire_unneeded(
    services: &Services,
    needed: &[Algorithm],
    known: &[SigningKeyRecord],
) -> Result<Vec<KeyId>, AdminError> {
    if unneeded(services, needed, known, services.clock.now()).is_empty() {
        return Ok(Vec::new());
    }
    let since = services.clock.now().minus_seconds(NEEDED_SECONDS);
    let instance = &services.instance;
    let of_others = services.store.algorithms_wanted_by_others(instance, since).await?;
    let needed: Vec<_> = needed.iter().copied().chain(of_others.iter().copied()).collect();
    if unneeded(services, &needed, known, services.clock.now()).is_empty() {
        return Ok(Vec::new());
    }
    let mut change = AuditedChange::begin(services, &Actor::server()).await?;
    let known = change.read().signing_keys().await?;
    let retiring = unneeded(services, &needed, &known, change.now);
    for kid in &retiring {
        change.transaction.retire_signing_key(kid, Some(change.now)).await?;
        let detail = json!({ "retired_at": change.now });
        change.record(Action::KeyRetired, EventSubject::SigningKey(kid.clone()), detail).await?;
        tracing::info!(%kid, "signing key retired: no instance needs its algorithm");
    }
    change.commit().await?;
    Ok(retiring)
}

fn unneeded(
    services: &Services,
    needed: &[Algorithm],
    known: &[SigningKeyRecord],
    now: Timestamp,
) -> Vec<KeyId> {
    let keep = services.keep_seconds();
    let state = |key: &SigningKeyRecord| KeyTimeline::of(key, known, keep).state(now);
    let signs = |algorithm: &Algorithm| {
        known.iter().any(|key| key.algorithm == *algorithm && state(key) == KeyState::Signing)
    };
    if !needed.iter().all(signs) {
        return Vec::new();
    }
    known
        .iter()
        .filter(|key| !needed.contains(&key.algorithm) && !key.is_ended())
        .filter(|key| state(key) != KeyState::Gone)
        .map(|key| key.kid.clone())
        .collect()
}

/// The step that gives an algorithm a key.
enum RotationStep {
    /// Creates a key that signs from this time on.
    Make(Timestamp),
    /// Lets a retired key, which verifiers still know, sign again.
    Restore(KeyId),
}

fn step(
    services: &Services,
    known: &[SigningKeyRecord],
    algorithm: Algorithm,
    now: Timestamp,
) -> Option<RotationStep> {
    let keys = &services.config.keys;
    let keep = services.keep_seconds();
    let mine = || known.iter().filter(|key| key.algorithm == algorithm);
    if mine().any(|key| !key.is_ended()) {
        return plan_rotation(known, algorithm, keys, now).map(RotationStep::Make);
    }
    let may_return = |key: &&SigningKeyRecord| key.revoked_at.is_none() && key.sealed.is_some();
    let youngest = mine().filter(may_return).max_by_key(|key| key.signs_from);
    match youngest {
        Some(key) if KeyTimeline::of(key, known, keep).state(now) == KeyState::Verifying => {
            Some(RotationStep::Restore(key.kid.clone()))
        }
        _ => plan_rotation(known, algorithm, keys, now).map(RotationStep::Make),
    }
}

async fn apply_step(
    services: &Services,
    algorithm: Algorithm,
) -> Result<Option<KeyId>, AdminError> {
    let mut change = AuditedChange::begin(services, &Actor::server()).await?;
    let known = change.read().signing_keys().await?;
    match step(services, &known, algorithm, change.now) {
        None => Ok(None),
        Some(RotationStep::Make(signs_from)) => {
            create_and_commit(services, change, &known, algorithm, signs_from).await.map(Some)
        }
        Some(RotationStep::Restore(kid)) => {
            change.transaction.retire_signing_key(&kid, None).await?;
            let subject = EventSubject::SigningKey(kid.clone());
            change.record(Action::KeyRestored, subject, json!({ "algorithm": algorithm })).await?;
            change.commit().await?;
            tracing::info!(%kid, algorithm = algorithm.as_str(), "signing key restored");
            Ok(Some(kid))
        }
    }
}

async fn create_and_commit(
    services: &Services,
    mut change: AuditedChange,
    known: &[SigningKeyRecord],
    algorithm: Algorithm,
    signs_from: Timestamp,
) -> Result<KeyId, AdminError> {
    let key = create(services, &mut change, known, algorithm, signs_from).await?;
    change.commit().await?;
    log_creation(&key);
    Ok(key.kid)
}

/// Creates a key as a part of a change, with its event.
pub(in crate::admin) async fn create(
    services: &Services,
    change: &mut AuditedChange,
    known: &[SigningKeyRecord],
    algorithm: Algorithm,
    signs_from: Timestamp,
) -> Result<SigningKeyRecord, AdminError> {
    let rsa_size = services.config.keys.rsa_size;
    let master = &services.keys.master;
    let key = keyring::create(master, algorithm, rsa_size, change.now, signs_from)?;
    if known.iter().any(|other| other.kid == key.kid) {
        return Err(CryptoError::Failed("making a new signing key").into());
    }
    change.transaction.create_signing_key(&key).await?;
    let detail = json!({ "algorithm": algorithm, "signs_from": signs_from });
    change.record(Action::KeyCreated, EventSubject::SigningKey(key.kid.clone()), detail).await?;
    Ok(key)
}

pub(super) fn log_creation(key: &SigningKeyRecord) {
    let SigningKeyRecord { kid, algorithm, signs_from, .. } = key;
    tracing::info!(%kid, algorithm = algorithm.as_str(), %signs_from, "signing key created");
}

/// Returns the key of this algorithm that signs last.
pub(in crate::admin) fn newest(
    known: &[SigningKeyRecord],
    algorithm: Algorithm,
) -> Option<&SigningKeyRecord> {
    let of_algorithm = |key: &&SigningKeyRecord| key.algorithm == algorithm && !key.is_ended();
    known.iter().filter(of_algorithm).max_by_key(|key| key.signs_from)
}

/// Returns the time at which the successor of a key is created: `keys.publish_before` before it
/// signs.
pub(in crate::admin) fn successor_due_at(key: &SigningKeyRecord, keys: &KeySettings) -> Timestamp {
    let signs_from = key.signs_from.plus(keys.rotation_interval);
    signs_from.minus_seconds(keys.publish_before.seconds())
}

/// Returns the time from which a new key of this algorithm should sign, if one is due at `now`.
fn plan_rotation(
    known: &[SigningKeyRecord],
    algorithm: Algorithm,
    keys: &KeySettings,
    now: Timestamp,
) -> Option<Timestamp> {
    let published_long_enough = now.plus(keys.publish_before);
    match newest(known, algorithm) {
        // The very first key may sign immediately, because no verifier has cached an older key set.
        // After the loss of all keys a new one must, or no tokens could be issued.
        None if known.iter().all(|key| key.sealed.is_none()) => Some(now),
        None => Some(published_long_enough),
        Some(newest) => (successor_due_at(newest, keys) <= now).then_some(published_long_enough),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::signing_key::test_keys::{DAY, key, settings};

    fn due_at(known: &[SigningKeyRecord], now: i64) -> Option<i64> {
        plan_rotation(known, Algorithm::Es256, &settings(), Timestamp(now)).map(|due_at| due_at.0)
    }

    #[test]
    fn the_first_key_signs_at_once_and_the_first_of_another_type_a_day_later() {
        assert_eq!(due_at(&[], 5), Some(5));
        assert_eq!(due_at(&[key(Algorithm::Rs256, 0)], 5), Some(5 + DAY));
    }

    #[test]
    fn a_successor_is_published_a_day_before_it_signs() {
        let known = [key(Algorithm::Es256, 0)];
        assert_eq!(due_at(&known, 89 * DAY - 1), None);
        assert_eq!(due_at(&known, 89 * DAY), Some(90 * DAY));
        let both = [key(Algorithm::Es256, 0), key(Algorithm::Es256, 90 * DAY)];
        assert_eq!(due_at(&both, 89 * DAY + 1), None);
    }

    #[test]
    fn a_server_that_slept_too_long_still_publishes_before_it_signs() {
        let known = [key(Algorithm::Es256, 0)];
        assert_eq!(due_at(&known, 200 * DAY), Some(201 * DAY));
    }
}
