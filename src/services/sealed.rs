//! Unseals the keys of the database, and generates missing ones.

use zeroize::Zeroizing;

use crate::crypto::random;
use crate::keys::keyring;
use crate::keys::seal::{MasterKeys, Opened};
use crate::model::signing_key::Sealed;
use crate::secrets::secret::{TAG_KEY_LENGTH, TagKey};
use crate::services::StartError;
use crate::services::master_key::FoundKey;
use crate::services::opening::{Role, TAG_KEY};
use crate::store::Store;

/// Keys that unseal the data of a database.
pub(super) struct OpenedKeys {
    pub(super) master: MasterKeys,
    pub(super) tag_key: TagKey,
    pub(super) tag_key_seal: Sealed,
}

/// Unseals the tag key, or stores a new one in a database without one. Concurrent processes all get
/// the same key.
pub(super) async fn open_keys(
    store: &Store,
    found: &FoundKey,
    role: Role,
) -> Result<OpenedKeys, StartError> {
    let master = MasterKeys::derive(&found.keys)?;
    let seal = if let Some(seal) = store.sealed_key(TAG_KEY).await? {
        seal
    } else {
        let fresh = Zeroizing::new(random::bytes::<TAG_KEY_LENGTH>()?);
        let sealed = master.seal(TAG_KEY, fresh.as_slice())?;
        store.keep_sealed_key(TAG_KEY, &sealed).await?
    };
    let opened = open_with(&master, found, &seal)?;
    if role == Role::Server {
        keep_public_halves(store, &master).await?;
    }
    Ok(OpenedKeys { master, tag_key: TagKey::new(&opened.content), tag_key_seal: seal })
}

/// Unseals the tag key.
///
/// # Errors
///
/// [`StartError::WrongMasterKey`] if none of the master keys unseals it.
pub(super) fn open_tag_key(found: &FoundKey, seal: &Sealed) -> Result<Opened, StartError> {
    open_with(&MasterKeys::derive(&found.keys)?, found, seal)
}

/// Like `open_tag_key`, with master keys that have already been derived.
///
/// # Errors
///
/// [`StartError::WrongMasterKey`] if none of the master keys unseals it.
pub(super) fn open_with(
    master: &MasterKeys,
    found: &FoundKey,
    seal: &Sealed,
) -> Result<Opened, StartError> {
    master
        .open(TAG_KEY, seal)
        .map_err(|_| StartError::WrongMasterKey { origin: found.source.clone() })
}

/// Stores the public key of each signing key that an older version created.
async fn keep_public_halves(store: &Store, master: &MasterKeys) -> Result<(), StartError> {
    for key in store.signing_keys().await? {
        let (None, Some(sealed)) = (&key.public_jwk, &key.sealed) else { continue };
        // When the keyring is loaded, a key that no master key unseals is rejected by name.
        let Ok(opened) = master.open(key.kid.as_str(), sealed) else { continue };
        let public_jwk = keyring::public_jwk(key.algorithm, &opened.content)?;
        store.keep_public_jwk(&key.kid, &public_jwk).await?;
    }
    Ok(())
}
