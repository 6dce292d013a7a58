//! The upkeep of signing keys: there is always one that signs, and its successor is published in
//! time (DESIGN D7).

use serde_json::json;

use crate::admin::{Actor, AdminError, Work};
use crate::app::Foundation;
use crate::config::Keys;
use crate::crypto::{CryptoError, keyring};
use crate::model::event::{Action, Subject};
use crate::model::signing_key::{Algorithm, KeyId, SigningKeyRecord};
use crate::model::time::Timestamp;

/// Makes the keys that are due. Several instances may do this at once: the end of the event chain
/// lets them in one by one, and the later one finds the key made.
pub async fn keep_up(
    foundation: &Foundation,
    algorithms: &[Algorithm],
    known: &[SigningKeyRecord],
) -> Result<Vec<KeyId>, AdminError> {
    let now = foundation.clock.now();
    let mut made = Vec::new();
    for algorithm in algorithms {
        if due(known, *algorithm, &foundation.config.keys, now).is_some() {
            made.extend(make(foundation, *algorithm).await?);
        }
    }
    Ok(made)
}

async fn make(foundation: &Foundation, algorithm: Algorithm) -> Result<Option<KeyId>, AdminError> {
    let mut work = Work::begin(foundation, &Actor::server()).await?;
    let known = foundation.store.signing_keys().await?;
    let Some(signs_from) = due(&known, algorithm, &foundation.config.keys, work.now) else {
        return Ok(None);
    };
    let key = keyring::create(&foundation.vault.master, algorithm, work.now, signs_from)?;
    if known.iter().any(|other| other.kid == key.kid) {
        return Err(CryptoError::Failed("making a new signing key").into());
    }
    work.change.create_signing_key(&key).await?;
    let detail = json!({ "algorithm": algorithm, "signs_from": signs_from });
    work.record(Action::KeyCreated, Subject::SigningKey(key.kid.clone()), detail).await?;
    work.commit().await?;
    tracing::info!(kid = %key.kid, algorithm = algorithm.as_str(), signs_from = %signs_from, "signing key created");
    Ok(Some(key.kid))
}

/// From when on a new key of this algorithm should sign, if one is due at `now`.
fn due(
    known: &[SigningKeyRecord],
    algorithm: Algorithm,
    keys: &Keys,
    now: Timestamp,
) -> Option<Timestamp> {
    let newest =
        known.iter().filter(|key| key.algorithm == algorithm).map(|key| key.signs_from).max();
    let published_long_enough = now.plus(keys.publish_before);
    match newest {
        // The very first key: no verifier has cached an older key set, so it may sign at once.
        None if known.is_empty() => Some(now),
        None => Some(published_long_enough),
        Some(newest) => {
            let successor = newest.plus(keys.rotation_interval);
            (successor <= published_long_enough).then(|| successor.max(published_long_enough))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::signing_key::Sealed;
    use crate::model::time::Lifetime;

    const DAY: i64 = 86_400;

    fn keys() -> Keys {
        let days = |days| Lifetime::from_seconds(days * DAY).expect("a lifetime");
        Keys { rotation_interval: days(90), publish_before: days(1), keep_after: days(1) }
    }

    fn key(algorithm: Algorithm, signs_from: i64) -> SigningKeyRecord {
        SigningKeyRecord {
            kid: KeyId::parse("k").expect("a key id"),
            algorithm,
            sealed: Sealed(String::new()),
            created_at: Timestamp(signs_from),
            signs_from: Timestamp(signs_from),
        }
    }

    fn due_at(known: &[SigningKeyRecord], now: i64) -> Option<i64> {
        due(known, Algorithm::Es256, &keys(), Timestamp(now)).map(|moment| moment.0)
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
