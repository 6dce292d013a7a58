//! The secret keys of the server: the master key and what it seals, and the keyring that signs.
//!
//! `services` opens them once at the start; the directory keeps the keyring up to date.

pub mod keyring;
pub mod seal;

use crate::keys::seal::MasterKeys;
use crate::secrets::secret::TagKey;
use crate::secrets::verification_cache::VerificationCacheKey;

/// The keys that a process holds besides the keyring.
#[derive(Debug)]
pub struct Keys {
    /// Seals and opens what is stored sealed.
    pub master: MasterKeys,
    /// Tags generated secrets.
    pub tag_key: TagKey,
    /// Keys the cache of verified secrets; new in every process.
    pub verification_cache: VerificationCacheKey,
}
