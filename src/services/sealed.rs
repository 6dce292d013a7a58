//! The sealed keys of the database: opened, made when there are none, and sealed again.

use zeroize::Zeroizing;

use crate::crypto::random;
use crate::keys::keyring;
use crate::keys::seal::{MasterKeys, Opened};
use crate::model::signing_key::Sealed;
use crate::secrets::secret::{TAG_KEY_LENGTH, TagKey};
use crate::services::StartError;
use crate::services::master_key::FoundKey;
use crate::services::opening::{AUDIT_KEY, Role, TAG_KEY};
use crate::store::Store;

/// Opens the tag key, or seals a new one in a database that has none. Of several processes that do
/// so at the same time, all get the same key.
pub(super) async fn open_keys(
    store: &Store,
    found: &FoundKey,
    role: Role,
) -> Result<(MasterKeys, TagKey), StartError> {
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
        if opened.is_outdated {
            let resealed = master.seal(TAG_KEY, &opened.content)?;
            store.reseal_key(TAG_KEY, &seal, &resealed).await?;
        }
        renew_audit_key(store, &master).await?;
        renew_signing_keys(store, &master).await?;
    }
    Ok((master, TagKey::new(&opened.content)))
}

/// Opens the seal of the tag key.
///
/// # Errors
///
/// [`StartError::WrongMasterKey`] if none of the master keys opens it.
pub(super) fn open_tag_key(found: &FoundKey, seal: &Sealed) -> Result<Opened, StartError> {
    open_with(&MasterKeys::derive(&found.keys)?, found, seal)
}

/// Opens the seal of the tag key with keys that were derived already.
///
/// # Errors
///
/// [`StartError::WrongMasterKey`] if none of the master keys opens it.
pub(super) fn open_with(
    master: &MasterKeys,
    found: &FoundKey,
    seal: &Sealed,
) -> Result<Opened, StartError> {
    master
        .open(TAG_KEY, seal)
        .map_err(|_| StartError::WrongMasterKey { origin: found.source.clone() })
}

/// Seals the audit key again under the first master key. One that no master key opens is rejected
/// when the next checkpoint is made.
async fn renew_audit_key(store: &Store, master: &MasterKeys) -> Result<(), StartError> {
    let Some(seal) = store.sealed_key(AUDIT_KEY).await? else { return Ok(()) };
    if let Ok(opened) = master.open(AUDIT_KEY, &seal)
        && opened.is_outdated
    {
        let resealed = master.seal(AUDIT_KEY, &opened.content)?;
        store.reseal_key(AUDIT_KEY, &seal, &resealed).await?;
    }
    Ok(())
}

/// Seals signing keys again under the first master key, so that the others can be dropped, and
/// stores the public half of each key that an older version made. This happens at each start:
/// while the master keys are changed, an instance that knows only the old one may make a signing
/// key.
async fn renew_signing_keys(store: &Store, master: &MasterKeys) -> Result<(), StartError> {
    for key in store.signing_keys().await? {
        let Some(sealed) = &key.sealed else { continue };
        // A key that no master key opens is rejected by name when the keyring is loaded.
        let Ok(opened) = master.open(key.kid.as_str(), sealed) else { continue };
        if opened.is_outdated {
            let resealed = master.seal(key.kid.as_str(), &opened.content)?;
            store.reseal_signing_key(&key.kid, sealed, &resealed).await?;
            tracing::info!(kid = %key.kid, "a signing key has been sealed under the new master key");
        }
        if key.public_jwk.is_none() {
            let public_jwk = keyring::public_jwk(key.algorithm, &opened.content)?;
            store.keep_public_jwk(&key.kid, &public_jwk).await?;
        }
    }
    Ok(())
}
