//! The cache of verified secrets. After the first success, an attempt costs one MAC.
//!
//! The MAC key is random and exists only in this process and in its sealed snapshot. Right and
//! wrong attempts cost the same. Without the key, a memory dump of the MACs is useless for
//! guessing. The MACs of imported secrets, which may be easy to guess, never leave the process.

use std::sync::OnceLock;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256};

use zeroize::Zeroizing;

use crate::crypto::{CryptoError, random};

/// Length of a MAC and of its key, in bytes.
pub const MAC_LENGTH: usize = 32;

/// MAC key of this process.
pub struct VerificationCacheKey {
    key: hmac::Key,
    bytes: Zeroizing<[u8; MAC_LENGTH]>,
}

impl std::fmt::Debug for VerificationCacheKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("VerificationCacheKey(…)")
    }
}

/// MAC of a presented secret of a client.
#[derive(Clone)]
pub struct Mac([u8; MAC_LENGTH]);

impl std::fmt::Debug for Mac {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Mac(…)")
    }
}

impl Mac {
    /// Restores a MAC from a snapshot.
    pub fn stored(bytes: [u8; MAC_LENGTH]) -> Self {
        Self(bytes)
    }
}

/// Cached MAC of a stored secret.
#[derive(Default)]
pub struct VerifiedSecretCache(OnceLock<[u8; MAC_LENGTH]>);

impl std::fmt::Debug for VerifiedSecretCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.0.get().is_some() {
            "VerifiedSecretCache(warm)"
        } else {
            "VerifiedSecretCache(cold)"
        })
    }
}

impl VerificationCacheKey {
    /// Generates the key of this process.
    pub fn generate() -> Result<Self, CryptoError> {
        Ok(Self::stored(Zeroizing::new(random::bytes()?)))
    }

    /// Restores the key from a snapshot.
    pub fn stored(bytes: Zeroizing<[u8; MAC_LENGTH]>) -> Self {
        Self { key: hmac::Key::new(HMAC_SHA256, bytes.as_slice()), bytes }
    }

    /// Returns the key bytes. Only for the sealed snapshot.
    pub fn expose(&self) -> &[u8; MAC_LENGTH] {
        &self.bytes
    }

    /// Computes the MAC of a presented secret.
    pub fn mac(&self, client_id: &str, presented: &str) -> Mac {
        let mut context = hmac::Context::with_key(&self.key);
        // No client id has a line break, so the two texts cannot overlap.
        context.update(client_id.as_bytes());
        context.update(b"\n");
        context.update(presented.as_bytes());
        let mut mac = [0_u8; MAC_LENGTH];
        mac.copy_from_slice(context.sign().as_ref());
        Mac(mac)
    }
}

impl VerifiedSecretCache {
    /// Compares a MAC with that of the verified secret, in constant time; `None` if none has been
    /// verified. The cache is read once, so that a verification in another thread is either before
    /// or after it.
    pub fn recognize(&self, mac: &Mac) -> Option<bool> {
        let known = self.0.get()?;
        Some(verify_slices_are_equal(known, &mac.0).is_ok())
    }

    /// Returns the MAC of the verified secret, if there is one.
    pub fn remembered(&self) -> Option<&[u8; MAC_LENGTH]> {
        self.0.get()
    }

    /// Caches a secret that has just been verified.
    pub fn remember(&self, mac: &Mac) {
        // Two concurrent first successes have the same MAC, so the second one is not needed.
        let _ = self.0.set(mac.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_key_and_a_stored_mac_recognize_the_same_secret() {
        let key = VerificationCacheKey::generate().expect("a key");
        let memory = VerifiedSecretCache::default();
        memory.remember(&key.mac("a", "secret"));
        let later = VerificationCacheKey::stored(Zeroizing::new(*key.expose()));
        let restored = VerifiedSecretCache::default();
        restored.remember(&Mac::stored(*memory.remembered().expect("a MAC")));
        assert_eq!(restored.recognize(&later.mac("a", "secret")), Some(true));
        assert_eq!(restored.recognize(&later.mac("a", "other")), Some(false));
        assert!(!format!("{later:?}{restored:?}{:?}", key.mac("a", "x")).contains('['));
    }

    #[test]
    fn only_the_proved_secret_of_the_same_client_is_known() {
        let key = VerificationCacheKey::generate().expect("a key");
        let memory = VerifiedSecretCache::default();
        assert_eq!(memory.recognize(&key.mac("a", "secret")), None);
        memory.remember(&key.mac("a", "secret"));
        assert_eq!(memory.recognize(&key.mac("a", "secret")), Some(true));
        assert_eq!(memory.recognize(&key.mac("a", "secret2")), Some(false));
        assert_eq!(memory.recognize(&key.mac("b", "secret")), Some(false));
        assert_eq!(
            memory.recognize(&VerificationCacheKey::generate().expect("a key").mac("a", "secret")),
            Some(false)
        );
    }
}
