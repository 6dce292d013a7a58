//! Why a snapshot cannot be written or read.

use std::io;

use crate::model::Malformed;

/// Why a snapshot cannot be written or read. The texts end the sentence "the snapshot is not used:".
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be read or written.
    #[error("{0}")]
    File(#[from] io::Error),
    /// The first line is not one of a snapshot.
    #[error("its first line is not the one of a snapshot")]
    NotASnapshot,
    /// Another program wrote it.
    #[error("tokend {found} wrote it, this is tokend {version}", version = env!("CARGO_PKG_VERSION"))]
    OtherVersion {
        /// The version of the other program, with its format.
        found: String,
    },
    /// It is sealed under another master key.
    #[error("it is sealed under the master key {found}, which the settings do not have")]
    OtherMasterKey {
        /// The fingerprint of the other key.
        found: String,
    },
    /// It is of another database.
    #[error("it is of another database")]
    OtherDatabase,
    /// The database is at another place than before, and cannot be asked whether it is the same.
    #[error("it is of the database at {found}")]
    OtherLocation {
        /// The other place.
        found: String,
    },
    /// It is too old, or of the future, to issue tokens from it alone.
    #[error(
        "its last contact with the database was {age} s ago, directory.max_staleness is {max} s"
    )]
    Stale {
        /// Its age in seconds.
        age: i64,
        /// The setting in seconds.
        max: i64,
    },
    /// What it holds cannot be understood.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The memory has no certain place in the chain of events.
    #[error("the memory is being loaded anew")]
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
