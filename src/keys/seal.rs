//! Encrypts keys at rest under a master key, so that a stolen database cannot sign tokens.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::crypto::{CryptoError, random};
use crate::model::master_key::{MASTER_KEY_LENGTH, MasterKeyList};
use crate::model::signing_key::Sealed;

/// Keys that are derived from one master key.
struct SealingKey {
    key: RandomizedNonceKey,
    /// Seals cookies. Any caller can cause a seal, and random nonces are safe for only 2^32 seals
    /// of a key (NIST SP 800-38D, section 8.3). A separate key protects that budget for stored
    /// keys.
    cookie_key: RandomizedNonceKey,
    fingerprint: String,
}

/// Selects the key for stored data or the key for cookies.
type Choose = fn(&SealingKey) -> &RandomizedNonceKey;

/// Sealing keys of this process: the first seals, all unseal. They are derived from the master
/// keys, which are not kept in memory.
pub struct MasterKeys(Vec<SealingKey>);

impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "MasterKeys({} keys)", self.0.len())
    }
}

/// Result of unsealing.
pub struct Opened {
    /// The plaintext.
    pub content: Zeroizing<Vec<u8>>,
    /// True if a key other than the first unsealed it, so that it should be sealed again.
    pub is_outdated: bool,
}

impl MasterKeys {
    /// Derives the sealing keys from the master keys.
    ///
    /// # Errors
    ///
    /// [`CryptoError::Failed`] if the library fails.
    pub fn derive(list: &MasterKeyList) -> Result<Self, CryptoError> {
        list.keys().map(SealingKey::derive).collect::<Result<_, _>>().map(Self)
    }

    /// Generates a random master key as text.
    pub fn generate() -> Result<Zeroizing<String>, CryptoError> {
        let key = Zeroizing::new(random::bytes::<MASTER_KEY_LENGTH>()?);
        Ok(Zeroizing::new(BASE64_STANDARD.encode(key.as_slice())))
    }

    /// Returns the fingerprint of the first key, which seals: 16 hexadecimal digits that identify a
    /// master key and reveal nothing about it.
    pub fn fingerprint(&self) -> &str {
        &self.0[0].fingerprint
    }

    /// Returns the fingerprints of all keys, which unseal.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.fingerprint.as_str())
    }

    /// Seals `content` under a `name`, which is required to unseal it.
    pub fn seal(&self, name: &str, content: &[u8]) -> Result<Sealed, CryptoError> {
        self.seal_with(|key| &key.key, name, content)
    }

    /// Seals a cookie under a `name`. The result does not unseal as stored data.
    ///
    /// # Errors
    /// [`CryptoError::Failed`] if the library fails.
    pub fn seal_cookie(&self, name: &str, content: &[u8]) -> Result<Sealed, CryptoError> {
        self.seal_with(|key| &key.cookie_key, name, content)
    }

    fn seal_with(&self, choose: Choose, name: &str, content: &[u8]) -> Result<Sealed, CryptoError> {
        let mut sealed = Zeroizing::new(content.to_vec());
        let nonce = choose(&self.0[0])
            .seal_in_place_append_tag(Aad::from(name), &mut *sealed)
            .map_err(|_| CryptoError::Failed("sealing a key"))?;
        let mut text = nonce.as_ref().to_vec();
        text.extend_from_slice(&sealed);
        Ok(Sealed(BASE64_URL_SAFE_NO_PAD.encode(text)))
    }

    /// Unseals data that was sealed under that `name`.
    pub fn open(&self, name: &str, sealed: &Sealed) -> Result<Opened, CryptoError> {
        let opened = self.open_with_any(|key| &key.key, name, sealed);
        let (position, content) =
            opened.ok_or_else(|| CryptoError::WrongMasterKey(name.to_owned()))?;
        Ok(Opened { content, is_outdated: position > 0 })
    }

    /// Unseals a cookie that was sealed under that `name`; `None` for anything else.
    pub fn open_cookie(&self, name: &str, sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        self.open_with_any(|key| &key.cookie_key, name, sealed).map(|(_, content)| content)
    }

    /// Returns the fingerprint of the key that unseals the data under that `name`; `None` if none
    /// does.
    pub fn opener(&self, name: &str, sealed: &Sealed) -> Option<&str> {
        let (position, _) = self.open_with_any(|key| &key.key, name, sealed)?;
        self.0.get(position).map(|key| key.fingerprint.as_str())
    }

    /// Returns the content, and the position of the key that unseals it.
    fn open_with_any(
        &self,
        choose: Choose,
        name: &str,
        sealed: &Sealed,
    ) -> Option<(usize, Zeroizing<Vec<u8>>)> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&sealed.0).ok()?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_LEN)?;
        self.0.iter().enumerate().find_map(|(position, key)| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut content = Zeroizing::new(ciphertext.to_vec());
            let opened = choose(key).open_in_place(nonce, Aad::from(name), &mut content).ok()?;
            let length = opened.len();
            content.truncate(length);
            Some((position, content))
        })
    }
}

impl SealingKey {
    fn derive(master: &[u8]) -> Result<Self, CryptoError> {
        let failed = |_| CryptoError::Failed("deriving a key");
        let extracted = Salt::new(HKDF_SHA256, b"tokend master key").extract(master);
        let derive = |purpose: &[u8]| {
            let mut key = Zeroizing::new([0_u8; MASTER_KEY_LENGTH]);
            extracted
                .expand(&[purpose], Length)
                .and_then(|output| output.fill(key.as_mut_slice()))
                .map_err(failed)?;
            Ok(key)
        };
        let sealing = |purpose: &[u8]| {
            RandomizedNonceKey::new(&AES_256_GCM, derive(purpose)?.as_slice()).map_err(failed)
        };
        let (key, cookie_key) = (sealing(b"seal")?, sealing(b"cookie")?);
        let fingerprint = derive(b"fingerprint")?;
        let fingerprint = fingerprint.iter().take(FINGERPRINT_LENGTH);
        let fingerprint = fingerprint.map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { key, cookie_key, fingerprint })
    }
}

/// The length of a fingerprint, in bytes.
const FINGERPRINT_LENGTH: usize = 8;

/// Length of the HKDF output.
struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        MASTER_KEY_LENGTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NEW: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

    fn keys(text: &str) -> MasterKeys {
        MasterKeys::derive(&MasterKeyList::parse(text).expect("a list")).expect("master keys")
    }

    /// D8: the first key seals and all unseal, so a key can be rotated without downtime.
    #[test]
    fn a_seal_opens_with_every_listed_key_and_reports_an_older_one() {
        let sealed = keys(OLD).seal("name", b"content").expect("sealed");
        let opened = keys(&format!("{NEW},{OLD}")).open("name", &sealed).expect("opened");
        assert_eq!(*opened.content, b"content");
        assert!(opened.is_outdated);
        let opened = keys(&format!("{OLD},{NEW}")).open("name", &sealed).expect("opened");
        assert!(!opened.is_outdated);
        let both = keys(&format!("{NEW},{OLD}"));
        assert_eq!(both.opener("name", &sealed), Some(keys(OLD).fingerprint()));
        assert_eq!(keys(NEW).opener("name", &sealed), None);
    }

    #[test]
    fn a_cookie_and_what_is_stored_do_not_open_as_one_another() {
        let both = keys(&format!("{NEW},{OLD}"));
        let cookie = keys(OLD).seal_cookie("name", b"content").expect("sealed");
        assert_eq!(both.open_cookie("name", &cookie).expect("opened").as_slice(), b"content");
        assert!(
            both.open_cookie("other", &cookie).is_none() && both.open("name", &cookie).is_err()
        );
        let stored = keys(OLD).seal("name", b"content").expect("sealed");
        assert!(both.open_cookie("name", &stored).is_none());
    }

    /// Backups of every version identify their master key by the fingerprint, so it must never
    /// change.
    #[test]
    fn a_fingerprint_is_that_of_the_first_key_and_stays_the_same() {
        let both = keys(&format!("{OLD},{NEW}"));
        assert_eq!(both.fingerprint(), keys(OLD).fingerprint());
        let fingerprints: Vec<_> = both.fingerprints().collect();
        assert_eq!(fingerprints, [keys(OLD).fingerprint(), keys(NEW).fingerprint()]);
        assert_eq!(keys(OLD).fingerprint(), "2fd7e5b87eb0e2b4");
    }

    #[test]
    fn another_key_another_name_or_a_flipped_bit_opens_nothing() {
        let sealed = keys(OLD).seal("name", b"content").expect("sealed");
        assert!(keys(NEW).open("name", &sealed).is_err());
        assert!(keys(OLD).open("other", &sealed).is_err());
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&sealed.0).expect("base64");
        for position in 0..bytes.len() {
            bytes[position] ^= 1;
            let changed = Sealed(BASE64_URL_SAFE_NO_PAD.encode(&bytes));
            assert!(keys(OLD).open("name", &changed).is_err(), "byte {position}");
            bytes[position] ^= 1;
        }
    }
}
