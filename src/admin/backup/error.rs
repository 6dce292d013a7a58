//! Errors of making, reading and restoring a backup.

use std::io;
use std::path::{Path, PathBuf};

use crate::admin::AdminError;
use crate::model::backup::FORMAT_VERSION;
use crate::services::StartError;
use crate::store::StoreError;
use crate::store::backup::loading::LoadingError;
use crate::store::schema::NEWEST;

/// Why a backup cannot be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file already exists.
    #[error("{path} exists already; a backup never replaces a file", path = path.display())]
    Exists {
        /// The path of the file.
        path: PathBuf,
    },
    /// The operating system rejects the operation.
    #[error("the backup {path} cannot be {done}: {problem}", path = path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// `read` or `written`.
        done: &'static str,
        /// The cause.
        problem: io::Error,
    },
    /// The file is not a backup.
    #[error("{path} is not a backup of tokend", path = path.display())]
    NotABackup {
        /// The path of the file.
        path: PathBuf,
    },
    /// The format belongs to a newer program.
    #[error(
        "{path} has format {found}, and this program reads format {FORMAT_VERSION}",
        path = path.display()
    )]
    NewerFormat {
        /// The path of the file.
        path: PathBuf,
        /// The format of the file.
        found: u32,
    },
    /// This program does not know the schema.
    #[error(
        "{path} has schema {found} of tokend {version}, and this program knows schema {NEWEST}",
        path = path.display()
    )]
    UnknownSchema {
        /// The path of the file.
        path: PathBuf,
        /// The schema of the backup.
        found: i64,
        /// The version of the program that made the backup.
        version: String,
    },
    /// The file was changed or truncated after it was written.
    #[error("{path} is damaged: {problem}", path = path.display())]
    Damaged {
        /// The path of the file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The settings have another master key, or do not have one.
    #[error("{path} is sealed under the master key {needed}; {given}", path = path.display())]
    MasterKey {
        /// The path of the file.
        path: PathBuf,
        /// The fingerprint of the required master key.
        needed: String,
        /// The master keys in the settings, as a phrase.
        given: String,
    },
    /// The rows cannot be loaded.
    #[error(transparent)]
    Loading(#[from] LoadingError),
    /// The database or the master key cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The changes after a restore failed.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A task of this process ended early.
    #[error("the backup was interrupted")]
    Interrupted,
}

impl BackupError {
    pub(super) fn reading(path: &Path) -> impl Fn(io::Error) -> Self {
        Self::file(path, "read")
    }

    pub(super) fn writing(path: &Path) -> impl Fn(io::Error) -> Self {
        Self::file(path, "written")
    }

    fn file(path: &Path, done: &'static str) -> impl Fn(io::Error) -> Self {
        move |problem| match problem.kind() {
            io::ErrorKind::InvalidData => Self::damaged(path, problem.to_string()),
            _ => Self::File { path: path.to_owned(), done, problem },
        }
    }

    pub(super) fn damaged(path: &Path, problem: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), problem: problem.into() }
    }
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Start(error.into())
    }
}
