//! Errors of writing or reading a snapshot.

use std::io;

use crate::model::Malformed;

/// Why a snapshot cannot be written or read. The texts follow "the snapshot is not used:".
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be read or written.
    #[error("{0}")]
    File(#[from] io::Error),
    /// The first line is not that of a snapshot.
    #[error("its first line is not the one of a snapshot")]
    NotASnapshot,
    /// Another version of the program wrote it.
    #[error("tokend {found} wrote it, this is tokend {version}", version = env!("CARGO_PKG_VERSION"))]
    OtherVersion {
        /// The version and format of the file.
        found: String,
    },
    /// It is sealed under another master key.
    #[error("it is sealed under the master key {found}, which the settings do not have")]
    OtherMasterKey {
        /// The fingerprint of that key.
        found: String,
    },
    /// It belongs to another database.
    #[error("it is of another database")]
    OtherDatabase,
    /// The location of the database has changed, and the database cannot be queried to identify it.
    #[error("it is of the database at {found}")]
    OtherLocation {
        /// The location in the file.
        found: String,
    },
    /// It is too old, or from the future, for issuing tokens from it alone.
    #[error(
        "its last contact with the database was {age} s ago, directory.max_staleness is {max} s"
    )]
    Stale {
        /// The age in seconds.
        age: i64,
        /// The value of the setting in seconds.
        max: i64,
    },
    /// The content cannot be parsed.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The directory has no position in the hash chain.
    #[error("the memory is being loaded again")]
    Reloading,
}

impl SnapshotError {
    pub(super) fn damaged(problem: impl std::fmt::Display) -> Self {
        Self::Damaged(problem.to_string())
    }
}

impl From<postcard::Error> for SnapshotError {
    fn from(error: postcard::Error) -> Self {
        Self::damaged(error)
    }
}

impl From<Malformed> for SnapshotError {
    fn from(malformed: Malformed) -> Self {
        Self::damaged(malformed)
    }
}
