//! Signing keys and settings for the tests of the rotation and of the doctor.

use crate::config::KeySettings;
use crate::model::signing_key::{Algorithm, KeyId, RsaSize, Sealed, SigningKeyRecord};
use crate::model::time::{Lifetime, Timestamp};

/// One day, in seconds.
pub(in crate::admin) const DAY: i64 = 86_400;

/// Returns settings with a rotation every 90 days.
pub(in crate::admin) fn settings() -> KeySettings {
    let days = |days| Lifetime::from_seconds(days * DAY).expect("a lifetime");
    KeySettings {
        rotation_interval: days(90),
        publish_before: days(1),
        keep_after: days(1),
        rsa_size: RsaSize::Bits2048,
        wait_for_readers: false,
    }
}

/// Returns a key that signs from the given time on.
pub(in crate::admin) fn key(algorithm: Algorithm, signs_from: i64) -> SigningKeyRecord {
    SigningKeyRecord {
        kid: KeyId::parse("k").expect("a key id"),
        algorithm,
        sealed: Some(Sealed(String::new())),
        public_jwk: None,
        created_at: Timestamp(signs_from),
        signs_from: Timestamp(signs_from),
        retired_at: None,
        revoked_at: None,
        postponed_at: None,
    }
}
