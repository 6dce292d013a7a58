//! Why the memory could not be loaded.

use crate::crypto::CryptoError;
use crate::store::StoreError;

/// Why the directory could not be loaded or brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signing key could not be opened.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}
