//! Errors of loading the directory.

use crate::crypto::CryptoError;
use crate::store::StoreError;

/// Why the directory could not be loaded or updated.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signing key could not be unsealed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}
