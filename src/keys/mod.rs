//! Secret keys of the server: the master keys with the data that they seal, and the keyring that
//! signs.
//!
//! `services` unseals them once at startup. The directory keeps the keyring up to date.

pub mod document;
pub mod keyring;
mod ring_key;
pub mod seal;
pub mod sealed_stream;

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::crypto::{CryptoError, random};
use crate::keys::seal::MasterKeys;
use crate::model::master_key::MasterKeyList;
use crate::model::signing_key::Sealed;
use crate::secrets::secret::TagKey;
use crate::secrets::verification_cache::VerificationCacheKey;

/// Keys of a process, in addition to the keyring.
#[derive(Debug)]
pub struct Keys {
    /// The keys that seal and unseal stored data.
    pub master: Arc<MasterKeys>,
    /// Tags generated secrets.
    pub tag_key: TagKey,
    /// The tag key in its stored form.
    pub tag_key_seal: Sealed,
    /// The key of the cache of verified secrets.
    pub verification_cache_key: VerificationCacheKey,
}

impl Keys {
    /// Generates keys that cannot unseal stored data, for a process that reads only unsealed data.
    ///
    /// # Errors
    /// [`CryptoError`] if the operating system returns no random bytes.
    pub fn throwaway() -> Result<Self, CryptoError> {
        let list = MasterKeyList::parse(&MasterKeys::generate()?);
        let list = list.map_err(|_| CryptoError::Failed("making a key"))?;
        let tag_key = Zeroizing::new(random::bytes::<32>()?);
        Ok(Self {
            master: Arc::new(MasterKeys::derive(&list)?),
            tag_key: TagKey::new(tag_key.as_slice()),
            tag_key_seal: Sealed(String::new()),
            verification_cache_key: VerificationCacheKey::generate()?,
        })
    }
}
