//! Why a backup cannot be made, read or restored.

use std::io;
use std::path::{Path, PathBuf};

use crate::admin::AdminError;
use crate::model::backup::FORMAT;
use crate::services::StartError;
use crate::store::StoreError;
use crate::store::backup::loading::LoadingError;
use crate::store::schema::NEWEST;

/// Why a backup cannot be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file exists already.
    #[error("{path} exists already; a backup never replaces a file", path = path.display())]
    Exists {
        /// Its path.
        path: PathBuf,
    },
    /// The operating system rejects it.
    #[error("the backup {path} cannot be {done}: {problem}", path = path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// `read` or `written`.
        done: &'static str,
        /// The cause.
        problem: io::Error,
    },
    /// The file is not a backup.
    #[error("{path} is not a backup of tokend", path = path.display())]
    NotABackup {
        /// Its path.
        path: PathBuf,
    },
    /// The format is one of a newer program.
    #[error("{path} has format {found}, and this program reads format {FORMAT}", path = path.display())]
    NewerFormat {
        /// Its path.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The schema is not one of this program.
    #[error(
        "{path} has schema {found} of tokend {version}, and this program knows schema {NEWEST}",
        path = path.display()
    )]
    UnknownSchema {
        /// Its path.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The program that made it.
        version: String,
    },
    /// The file was changed or cut after it was written.
    #[error("{path} is damaged: {problem}", path = path.display())]
    Damaged {
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The settings have another master key, or none.
    #[error("{path} is sealed under the master key {needed}; {given}", path = path.display())]
    MasterKey {
        /// Its path.
        path: PathBuf,
        /// The fingerprint of its master key.
        needed: String,
        /// What the settings have.
        given: String,
    },
    /// The rows cannot be loaded.
    #[error(transparent)]
    Loading(#[from] LoadingError),
    /// The database or the master key cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What follows a restore cannot be done.
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
