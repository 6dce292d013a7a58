//! The secret keys of the server: the master key and what it seals, and the keyring that signs.
//!
//! `services` opens them once at the start; the directory keeps the keyring up to date.

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

/// The keys that a process holds besides the keyring.
#[derive(Debug)]
pub struct Keys {
    /// Seals and opens what is stored sealed.
    pub master: Arc<MasterKeys>,
    /// Tags generated secrets.
    pub tag_key: TagKey,
    /// The tag key as the database stores it.
    pub tag_key_seal: Sealed,
    /// Keys the cache of verified secrets.
    pub verification_cache: VerificationCacheKey,
}

impl Keys {
    /// New keys that open nothing that is stored: for a process that only reads what is not sealed.
    ///
    /// # Errors
    /// [`CryptoError`] if the operating system gives no random bytes.
    pub fn throwaway() -> Result<Self, CryptoError> {
        let list = MasterKeyList::parse(&MasterKeys::generate()?);
        let list = list.map_err(|_| CryptoError::Failed("making a key"))?;
        let tag_key = Zeroizing::new(random::bytes::<32>()?);
        Ok(Self {
            master: Arc::new(MasterKeys::derive(&list)?),
            tag_key: TagKey::new(tag_key.as_slice()),
            tag_key_seal: Sealed(String::new()),
            verification_cache: VerificationCacheKey::generate()?,
        })
    }
}
