//! The life cycle of a signing key: when it signs, and when it leaves the key set. It depends only
//! on stored times, so all instances agree without a leader (D7).

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::signing_key::{Algorithm, KeyId, SigningKeyRecord};
use crate::model::time::Timestamp;

/// The state of a key at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// In the key set, not signing yet, so that verifiers know it in time.
    Published,
    /// Signs new tokens.
    Signing,
    /// In the key set until the last token it signed has expired.
    Verifying,
    /// No longer in the key set.
    Gone,
    /// It left the key set before its time: its tokens are no longer valid.
    Revoked,
}

impl KeyState {
    /// Returns the display name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Signing => "signing",
            Self::Verifying => "verifying",
            Self::Gone => "gone",
            Self::Revoked => "revoked",
        }
    }

    /// True if the key is in the key set.
    pub fn is_in_key_set(self) -> bool {
        matches!(self, Self::Published | Self::Signing | Self::Verifying)
    }
}

/// The timeline of a key among the other keys. A key signs until a newer key of its algorithm takes
/// over, or until it is retired or revoked. Then it only verifies, unless it was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTimeline {
    /// The time at which the key starts to sign; `None` if it ends before.
    pub signs_from: Option<Timestamp>,
    /// The time at which the key stops signing; `None` if no stored time ends it.
    pub signs_until: Option<Timestamp>,
    /// The time at which the key leaves the key set; `None` if no stored time ends it.
    pub leaves_at: Option<Timestamp>,
    /// The key that takes over.
    pub successor: Option<KeyId>,
    is_revoked: bool,
    /// True if the key was meant to sign immediately after a change. An instance whose clock is
    /// behind then does not wait for its own clock.
    signs_at_once: bool,
}

impl KeyTimeline {
    /// Computes the timeline of `key` among `keys`, which include it. A key that has stopped
    /// signing stays in the key set for `keep_seconds`.
    pub fn of(key: &SigningKeyRecord, keys: &[SigningKeyRecord], keep_seconds: i64) -> Self {
        let signs_from = begins_to_sign(key);
        let successor = keys
            .iter()
            .filter(|other| other.algorithm == key.algorithm && order(other) > order(key))
            .filter(|other| can_take_over(other, key))
            .min_by_key(|other| order(other));
        let ends = [successor.map(|other| other.signs_from), key.retired_at, key.revoked_at];
        let stops_at = ends.into_iter().flatten().min();
        let signs_until = stops_at.filter(|_| signs_from.is_some());
        let verifies_until = match signs_from {
            Some(_) => signs_until.map(|until| until.plus_seconds(keep_seconds)),
            None => stops_at,
        };
        let leaves_at = [key.revoked_at, verifies_until].into_iter().flatten().min();
        let replaces_revoked = keys.iter().any(|other| {
            other.algorithm == key.algorithm
                && other.signs_from <= key.signs_from
                && other.revoked_at.is_some_and(|revoked_at| key.signs_from <= revoked_at)
        });
        Self {
            signs_from,
            signs_until,
            leaves_at,
            successor: successor.map(|other| other.kid.clone()),
            is_revoked: key.revoked_at.is_some(),
            signs_at_once: key.signs_from <= key.created_at || replaces_revoked,
        }
    }

    /// Returns the state of the key at `now`. A revoked key is revoked regardless of the clock.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.is_revoked {
            KeyState::Revoked
        } else if !now.is_before(self.leaves_at) {
            KeyState::Gone
        } else if self.signs_from.is_none_or(|from| now < from) {
            KeyState::Published
        } else if now.is_before(self.signs_until) {
            KeyState::Signing
        } else {
            KeyState::Verifying
        }
    }

    /// True if the key does not sign yet only because the clock of this instance is behind.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.signs_at_once && self.state(now) == KeyState::Published
    }
}

/// Returns the key that signs with an algorithm at `now`. Keys without a private key are skipped.
pub fn signing_key(
    keys: &[SigningKeyRecord],
    algorithm: Algorithm,
    now: Timestamp,
) -> Option<&SigningKeyRecord> {
    let is_signing = |key: &&SigningKeyRecord| {
        key.algorithm == algorithm
            && key.sealed.is_some()
            && KeyTimeline::of(key, keys, 0).state(now) == KeyState::Signing
    };
    keys.iter().filter(is_signing).max_by_key(|key| order(key))
}

/// Returns the sort key for the order in which keys sign.
fn order(key: &SigningKeyRecord) -> (Timestamp, Timestamp, &KeyId) {
    (key.signs_from, key.created_at, &key.kid)
}

/// Returns the time at which a key starts to sign, unless it ends before.
fn begins_to_sign(key: &SigningKeyRecord) -> Option<Timestamp> {
    let end = key.revoked_at.or(key.retired_at);
    Some(key.signs_from).filter(|from| end.is_none_or(|end| *from <= end))
}

/// True if `key` has signed or will sign, so that it takes over from `other`. A key whose private
/// key is lost does not take over from one that can sign. A revoked key has signed.
fn can_take_over(key: &SigningKeyRecord, other: &SigningKeyRecord) -> bool {
    let end = key.revoked_at.or(key.retired_at);
    let signs = end.is_none_or(|end| key.signs_from < end);
    signs && (key.sealed.is_some() || key.revoked_at.is_some() || other.sealed.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::signing_key::Sealed;

    fn key(kid: &str, algorithm: Algorithm, signs_from: i64) -> SigningKeyRecord {
        SigningKeyRecord {
            kid: KeyId::parse(kid).expect("a key id"),
            algorithm,
            sealed: Some(Sealed(String::new())),
            public_jwk: None,
            created_at: Timestamp(signs_from - 10),
            signs_from: Timestamp(signs_from),
            retired_at: None,
            revoked_at: None,
            postponed_at: None,
        }
    }

    fn revoked(key: SigningKeyRecord, at: i64) -> SigningKeyRecord {
        SigningKeyRecord { sealed: None, revoked_at: Some(Timestamp(at)), ..key }
    }

    fn state(key: &SigningKeyRecord, keys: &[SigningKeyRecord], now: i64) -> KeyState {
        KeyTimeline::of(key, keys, 50).state(Timestamp(now))
    }

    #[test]
    fn a_retired_key_verifies_for_a_while_and_one_that_never_signed_is_gone() {
        let retired = |signs_from, retired_at| SigningKeyRecord {
            retired_at: Some(Timestamp(retired_at)),
            ..key("a", Algorithm::Es256, signs_from)
        };
        let state = |key: &SigningKeyRecord, now| state(key, std::slice::from_ref(key), now);
        let states = [150, 200, 249, 250].map(|now| state(&retired(100, 200), now));
        let fading = [KeyState::Signing, KeyState::Verifying, KeyState::Verifying, KeyState::Gone];
        assert_eq!(states, fading);
        assert_eq!(state(&retired(300, 200), 250), KeyState::Gone);
    }

    /// D7: published, signing, verifying, gone, by time alone.
    #[test]
    fn a_key_is_replaced_by_the_next_one_and_still_verifies_for_a_while() {
        let keys = [key("a", Algorithm::Es256, 100), key("b", Algorithm::Es256, 200)];
        let states = |now| keys.each_ref().map(|key| state(key, &keys, now));
        assert_eq!(states(99), [KeyState::Published, KeyState::Published]);
        assert_eq!(states(150), [KeyState::Signing, KeyState::Published]);
        assert_eq!(states(200), [KeyState::Verifying, KeyState::Signing]);
        assert_eq!(states(249), [KeyState::Verifying, KeyState::Signing]);
        assert_eq!(states(250), [KeyState::Gone, KeyState::Signing]);
        let times = KeyTimeline::of(&keys[0], &keys, 50);
        assert_eq!(times.signs_until, Some(Timestamp(200)));
        assert_eq!(times.leaves_at, Some(Timestamp(250)));
        assert_eq!(times.successor, Some(keys[1].kid.clone()));
    }

    #[test]
    fn without_a_successor_a_key_signs_without_end_and_other_types_do_not_replace_it() {
        let keys = [key("a", Algorithm::Es256, 100), key("r", Algorithm::Rs256, 200)];
        assert_eq!(state(&keys[0], &keys, 1_000_000), KeyState::Signing);
        assert_eq!(KeyTimeline::of(&keys[0], &keys, 50).leaves_at, None);
    }

    /// If the next key is retired before it starts to sign, the current key continues to sign.
    #[test]
    fn a_key_that_never_signs_replaces_none() {
        let next = key("b", Algorithm::Es256, 200);
        let retired = SigningKeyRecord { retired_at: Some(Timestamp(150)), ..next.clone() };
        for next in [retired, revoked(next, 150)] {
            let keys = [key("a", Algorithm::Es256, 100), next];
            assert_eq!(state(&keys[0], &keys, 300), KeyState::Signing);
        }
    }

    #[test]
    fn a_revoked_key_leaves_at_once_and_its_predecessor_does_not_return() {
        let keys = [
            key("a", Algorithm::Es256, 100),
            revoked(key("b", Algorithm::Es256, 200), 400),
            key("c", Algorithm::Es256, 400),
        ];
        let states = |now| keys.each_ref().map(|key| state(key, &keys, now));
        assert_eq!(states(401), [KeyState::Gone, KeyState::Revoked, KeyState::Signing]);
        // A clock that is behind also sees the revocation, and does not wait for the new key.
        assert_eq!(states(395)[1], KeyState::Revoked);
        assert!(KeyTimeline::of(&keys[2], &keys, 50).is_overdue(Timestamp(395)));
        assert!(!KeyTimeline::of(&keys[0], &keys, 50).is_overdue(Timestamp(95)));
    }

    /// The order of two keys of the same second is arbitrary.
    #[test]
    fn a_key_that_ends_in_the_second_in_which_it_began_hands_over() {
        for (old, new) in [("a", "b"), ("b", "a")] {
            let key = |kid| SigningKeyRecord {
                created_at: Timestamp(100),
                ..key(kid, Algorithm::Es256, 100)
            };
            let retired = SigningKeyRecord { retired_at: Some(Timestamp(100)), ..key(old) };
            for old in [retired, revoked(key(old), 100)] {
                let keys = [old, key(new)];
                assert_eq!(state(&keys[1], &keys, 100), KeyState::Signing);
                assert_ne!(state(&keys[0], &keys, 100), KeyState::Signing);
            }
        }
    }

    #[test]
    fn a_lost_key_does_not_take_over_and_does_not_sign() {
        let lost = SigningKeyRecord { sealed: None, ..key("b", Algorithm::Es256, 200) };
        let keys = [key("a", Algorithm::Es256, 100), lost];
        assert_eq!(state(&keys[0], &keys, 300), KeyState::Signing);
        let signs = |now| signing_key(&keys, Algorithm::Es256, Timestamp(now)).map(|key| &key.kid);
        assert_eq!((signs(99), signs(300)), (None, Some(&keys[0].kid)));
    }

    /// The key was replaced long ago and has left the key set. It does not sign again when its
    /// successor is retired.
    #[test]
    fn a_key_that_is_gone_does_not_sign_again() {
        let retired = SigningKeyRecord {
            retired_at: Some(Timestamp(300)),
            ..key("b", Algorithm::Es256, 200)
        };
        let keys = [key("a", Algorithm::Es256, 100), retired];
        assert_eq!(signing_key(&keys, Algorithm::Es256, Timestamp(400)), None);
    }
}
