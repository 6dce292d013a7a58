//! Signing keys as operators see them: their times, their next steps, and readers of the key set
//! that do not know a key yet. The private half never leaves the keyring.

pub mod change;
pub mod impact;
mod postponement;
pub mod rotation;
#[cfg(test)]
pub(super) mod test_keys;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::admin::{AdminError, ObjectKind};
use crate::config::KeySettings;
use crate::model::key_set_reader::KeySetReader;
use crate::model::key_timeline::{KeyState, KeyTimeline};
use crate::model::signing_key::{Algorithm, KeyId, SigningKeyRecord};
use crate::model::time::Timestamp;
use crate::services::Services;
use crate::store::StoreError;
use crate::store::reader::Reader;

/// The maximum number of listed readers that do not know a key.
const MAX_READERS_SHOWN: usize = 20;

/// A signing key, without its private half.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKey, examples(json!({ "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "algorithm": "ES256", "state": "signing", "created_at": "2026-11-27T09:30:00Z", "signs_from": "2026-11-27T09:45:00Z", "retired_at": null, "public_jwk": { "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" } })))]
pub struct ShownSigningKey {
    /// Its thumbprint.
    pub kid: KeyId,
    /// The algorithm it signs with.
    pub algorithm: Algorithm,
    /// The current state.
    pub state: KeyState,
    /// When the key was created and published.
    pub created_at: Timestamp,
    /// When it begins to sign.
    pub signs_from: Timestamp,
    /// When it stops signing. Without a successor this is the plan of the settings.
    pub signs_until: Option<Timestamp>,
    /// When it leaves the key set; a plan as well, without a successor.
    pub leaves_at: Option<Timestamp>,
    /// The key that replaces it; absent if there is none yet.
    pub successor: Option<KeyId>,
    /// The next step of the key.
    pub next_step: Option<NextStep>,
    /// When it stopped signing, if it was retired.
    #[schema(required = true)]
    pub retired_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When its first signature was postponed for readers that did not know it.
    pub postponed_at: Option<Timestamp>,
    /// The readers of the key set that know it, while it waits to sign. This is only a hint: a CDN
    /// hides the readers behind it.
    pub readers: Option<ReadersOfKey>,
    /// The public key (RFC 7517); `null` until a server has stored it.
    #[schema(value_type = Option<Object>, required = true)]
    pub public_jwk: Option<Box<RawValue>>,
}

/// The next step of a key, and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct NextStep {
    /// What happens.
    pub step: KeyStep,
    /// When; a plan of the settings while the key has no successor.
    pub at: Timestamp,
}

/// A scheduled step of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyStep {
    /// It begins to sign.
    Signs,
    /// Its successor is made and published.
    SuccessorPublished,
    /// It stops signing.
    StopsSigning,
    /// It leaves the key set.
    LeavesKeySet,
}

/// The readers of the key set that were seen recently, and those that do not know a key.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadersOfKey {
    /// The number of readers that were seen recently.
    pub active: usize,
    /// The number of these readers that have not fetched the key set since the key was added.
    pub behind: usize,
    /// Some of the readers that have not, the most frequent first.
    pub listed: Vec<KeySetReader>,
}

impl ReadersOfKey {
    fn of(readers: &[KeySetReader], key: &SigningKeyRecord, now: Timestamp) -> Self {
        let active = || readers.iter().filter(|reader| reader.is_active(now));
        let behind = || active().filter(|reader| !reader.knows(key.created_at));
        Self {
            active: active().count(),
            behind: behind().count(),
            listed: behind().take(MAX_READERS_SHOWN).cloned().collect(),
        }
    }
}

/// Returns the `kid` of each unreadable signing key, and the problem. These keys neither sign nor
/// verify.
///
/// # Errors
/// If the database fails.
pub async fn unreadable(services: &Services) -> Result<Vec<(String, StoreError)>, AdminError> {
    Ok(services.store.read().unreadable_signing_keys().await?)
}

/// Returns all readable signing keys, in the order in which they sign.
///
/// # Errors
/// If the database fails.
pub async fn list(services: &Services) -> Result<Vec<ShownSigningKey>, AdminError> {
    let now = services.clock.now();
    let records = services.store.signing_keys().await?;
    let mut shown = shown(services, &records, now);
    add_readers(services.store.read(), &mut shown, &records, now).await?;
    Ok(shown)
}

/// Returns the signing key with this id.
///
/// # Errors
/// If it does not exist, or the database fails.
pub async fn show(services: &Services, kid: &KeyId) -> Result<ShownSigningKey, AdminError> {
    let known = list(services).await?;
    let found = known.into_iter().find(|key| key.kid == *kid);
    found.ok_or_else(|| AdminError::not_found(ObjectKind::SigningKey, kid))
}

/// Converts signing keys for display, without readers.
pub(super) fn shown(
    services: &Services,
    records: &[SigningKeyRecord],
    now: Timestamp,
) -> Vec<ShownSigningKey> {
    let (settings, keep) = (&services.config.keys, services.keep_seconds());
    let shown = |record: &SigningKeyRecord| {
        let times = KeyTimeline::of(record, records, keep);
        let planned_until = planned_end(record, &times, settings, now);
        let signs_until = times.signs_until.or(planned_until);
        let leaves_at =
            times.leaves_at.or_else(|| planned_until.map(|until| until.plus_seconds(keep)));
        ShownSigningKey {
            kid: record.kid.clone(),
            algorithm: record.algorithm,
            state: times.state(now),
            created_at: record.created_at,
            signs_from: record.signs_from,
            signs_until,
            leaves_at,
            next_step: next_step(record, &times, planned_until, settings, now),
            successor: times.successor,
            retired_at: record.retired_at,
            revoked_at: record.revoked_at,
            postponed_at: record.postponed_at,
            readers: None,
            // A text that is not JSON was never published either.
            public_jwk: record.public_jwk.clone().and_then(|jwk| RawValue::from_string(jwk).ok()),
        }
    };
    records.iter().map(shown).collect()
}

async fn add_readers(
    mut reader: Reader<'_>,
    shown: &mut [ShownSigningKey],
    records: &[SigningKeyRecord],
    now: Timestamp,
) -> Result<(), AdminError> {
    if shown.iter().all(|key| key.state != KeyState::Published) {
        return Ok(());
    }
    let readers = reader.key_set_readers().await?;
    for (key, record) in shown.iter_mut().zip(records) {
        if key.state == KeyState::Published {
            key.readers = Some(ReadersOfKey::of(&readers, record, now));
        }
    }
    Ok(())
}

/// Returns the planned end of a key without a successor and without an end.
fn planned_end(
    key: &SigningKeyRecord,
    times: &KeyTimeline,
    settings: &KeySettings,
    now: Timestamp,
) -> Option<Timestamp> {
    let has_no_end = times.signs_until.is_none() && !key.is_ended();
    let planned = key.signs_from.plus(settings.rotation_interval);
    // Its successor is published first, even if no server was running in time.
    has_no_end.then(|| planned.max(now.plus(settings.publish_before)))
}

fn next_step(
    key: &SigningKeyRecord,
    times: &KeyTimeline,
    planned_until: Option<Timestamp>,
    settings: &KeySettings,
    now: Timestamp,
) -> Option<NextStep> {
    let step = |step, at: Option<Timestamp>| at.map(|at| NextStep { step, at });
    match times.state(now) {
        KeyState::Published => step(KeyStep::Signs, Some(key.signs_from)),
        KeyState::Signing => match planned_until {
            Some(until) => {
                let at = until.minus_seconds(settings.publish_before.seconds());
                step(KeyStep::SuccessorPublished, Some(at))
            }
            None => step(KeyStep::StopsSigning, times.signs_until),
        },
        KeyState::Verifying => step(KeyStep::LeavesKeySet, times.leaves_at),
        KeyState::Gone | KeyState::Revoked => None,
    }
}
