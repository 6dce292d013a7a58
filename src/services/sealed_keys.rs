//! All keys that are sealed in the database. A new kind of sealed key must be added only here.

use crate::model::signing_key::{KeyId, Sealed, SigningKeyRecord};
use crate::services::opening::{AUDIT_KEY, TAG_KEY};
use crate::store::StoreError;
use crate::store::reader::Reader;

/// Kind of a sealed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedKeyName<'a> {
    /// Key for the tags of generated secrets.
    Tag,
    /// Key for the checkpoints of the audit log.
    Audit,
    /// Private key of a signing key.
    Signing(&'a KeyId),
}

impl SealedKeyName<'_> {
    /// Returns the name under which the key is sealed.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag => TAG_KEY,
            Self::Audit => AUDIT_KEY,
            Self::Signing(kid) => kid.as_str(),
        }
    }
}

/// Sealed keys of a database at one time.
#[derive(Debug)]
pub struct SealedKeys {
    tag_key: Option<Sealed>,
    audit_key: Option<Sealed>,
    /// The signing keys, including those whose private key has been deleted.
    pub signing_keys: Vec<SigningKeyRecord>,
}

impl SealedKeys {
    /// Reads all sealed keys.
    ///
    /// # Errors
    /// Fails even for a single unreadable signing key, because its seal must not be lost.
    pub async fn read(mut reader: Reader<'_>) -> Result<Self, StoreError> {
        let tag_key = reader.sealed_key(TAG_KEY).await?;
        let audit_key = reader.sealed_key(AUDIT_KEY).await?;
        Ok(Self { tag_key, audit_key, signing_keys: reader.all_signing_keys().await? })
    }

    /// Returns each key with its seal.
    pub fn iter(&self) -> impl Iterator<Item = (SealedKeyName<'_>, &Sealed)> {
        let tag_key = self.tag_key.iter().map(|seal| (SealedKeyName::Tag, seal));
        let audit_key = self.audit_key.iter().map(|seal| (SealedKeyName::Audit, seal));
        let signing_keys = self
            .signing_keys
            .iter()
            .filter_map(|key| Some((SealedKeyName::Signing(&key.kid), key.sealed.as_ref()?)));
        tag_key.chain(audit_key).chain(signing_keys)
    }
}
