//! Every key that the database holds under the seal of a master key. A new kind of sealed key is
//! added here alone.

use crate::model::signing_key::{KeyId, Sealed, SigningKeyRecord};
use crate::services::opening::{AUDIT_KEY, TAG_KEY};
use crate::store::StoreError;
use crate::store::reader::Reader;

/// What a sealed key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedKeyName<'a> {
    /// The key of the tags of generated secrets.
    Tag,
    /// The key of the checkpoints of the audit log.
    Audit,
    /// The private half of a signing key.
    Signing(&'a KeyId),
}

impl SealedKeyName<'_> {
    /// The name under which the key is sealed.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag => TAG_KEY,
            Self::Audit => AUDIT_KEY,
            Self::Signing(kid) => kid.as_str(),
        }
    }
}

/// The sealed keys of a database at one time.
#[derive(Debug)]
pub struct SealedKeys {
    tag_key: Option<Sealed>,
    audit_key: Option<Sealed>,
    /// The signing keys, also those whose private half is gone.
    pub signing_keys: Vec<SigningKeyRecord>,
}

impl SealedKeys {
    /// Reads all of them.
    ///
    /// # Errors
    /// Also if a signing key cannot be read: its seal must not be forgotten.
    pub async fn read(mut reader: Reader<'_>) -> Result<Self, StoreError> {
        let tag_key = reader.sealed_key(TAG_KEY).await?;
        let audit_key = reader.sealed_key(AUDIT_KEY).await?;
        Ok(Self { tag_key, audit_key, signing_keys: reader.all_signing_keys().await? })
    }

    /// Each key with its seal.
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
