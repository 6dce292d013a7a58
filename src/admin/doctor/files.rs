//! Checks of the files of a server: the users that may read and write them, and the free space.

use std::path::{Path, PathBuf};

use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::finding::Finding;
use crate::admin::doctor::{disk, first_of};
use crate::config::{Config, Location};
use crate::files;
use crate::services::inspection::{self, OpenFile};

/// The maximum number of files that a finding names.
const MAX_NAMED: usize = 5;

/// The maximum number of files that are checked in a folder of secrets.
const MAX_SECRET_FILES: usize = 10_000;

/// Checks the permissions of files, and the disks. `holders` are the files with secret settings.
pub(super) fn examine(config: &Config, holders: &[PathBuf]) -> Vec<Finding> {
    vec![
        data_dir(config),
        database_files(config),
        master_key_file(config),
        secret_files(config, holders),
        disk::examine(&folders(config)),
    ]
}

/// Returns the folders that a server writes to: the data directory, and that of a SQLite database.
fn folders(config: &Config) -> Vec<&Path> {
    let database = match &config.database.location {
        Location::Sqlite(path) => path.parent(),
        Location::Postgres(_) => None,
    };
    let mut folders = vec![config.data_dir.as_path()];
    folders.extend(database.filter(|folder| *folder != config.data_dir));
    folders
}

/// Another user with write access could replace the database or the master key.
fn data_dir(config: &Config) -> Finding {
    let code = CheckCode::DataDir;
    let mut folders = folders(config);
    folders.retain(|folder| folder.is_dir());
    let writable = |folder: &&Path| {
        files::other_writers(folder).map(|writers| (folder.display().to_string(), writers))
    };
    let open: Vec<_> = folders.iter().filter_map(writable).collect();
    if let Some((folder, writers)) = open.first() {
        let found = format!("{folder} can be written by {writers}");
        return Finding::error(code, found, format!("chmod go-w {folder}"));
    }
    match folders.first() {
        Some(folder) => Finding::ok(code, format!("{}", folder.display())),
        None => Finding::skipped(code, format!("{} does not exist", config.data_dir.display())),
    }
}

fn database_files(config: &Config) -> Finding {
    let code = CheckCode::DatabaseFiles;
    let Location::Sqlite(path) = &config.database.location else {
        return Finding::skipped(code, "the database is Postgres");
    };
    if !path.exists() {
        return Finding::skipped(code, format!("{} does not exist", path.display()));
    }
    let open = inspection::open_data_files(config);
    match open_files(&open) {
        Some((found, fix)) => Finding::error(code, found, fix),
        None => Finding::ok(code, "only the owner may read them"),
    }
}

fn master_key_file(config: &Config) -> Finding {
    let code = CheckCode::MasterKeyFile;
    if let Some(open) = inspection::open_master_key(config) {
        let (found, fix) =
            (format!("{} can be read by {}", open.path.display(), open.readers), fix(&open));
        return Finding::error(code, found, fix);
    }
    match &config.master_key {
        Some(given) => match &given.file {
            Some(file) => Finding::ok(code, format!("{}", file.display())),
            None => Finding::skipped(code, format!("the master key is {}", given.source)),
        },
        None => Finding::ok(code, "only the owner may read it"),
    }
}

/// Checks the private key of TLS, files with secret settings, and the secrets of bootstrap.
fn secret_files(config: &Config, holders: &[PathBuf]) -> Finding {
    let code = CheckCode::SecretFiles;
    let mut paths: Vec<PathBuf> = holders.to_vec();
    paths.extend(config.tls.iter().map(|tls| tls.key.clone()));
    if let Some(folder) = &config.bootstrap.secrets_dir {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        paths.extend(entries.take(MAX_SECRET_FILES).map(|entry| entry.path()));
    }
    let count = paths.len();
    let open: Vec<_> = paths
        .into_iter()
        .filter_map(|path| files::other_readers(&path).map(|readers| OpenFile { path, readers }))
        .collect();
    match (open_files(&open), count) {
        (Some((found, fix)), _) => Finding::error(code, found, fix),
        (None, 0) => Finding::skipped(code, "no other file contains a secret"),
        (None, _) => Finding::ok(code, format!("{count} files, which only their owners may read")),
    }
}

/// Returns the files that other users may read, and the commands to fix them.
fn open_files(open: &[OpenFile]) -> Option<(String, String)> {
    let first = open.first()?;
    let names: Vec<_> = open.iter().map(|file| file.path.display().to_string()).collect();
    let found = format!("{} can be read by {}", first_of(&names, MAX_NAMED), first.readers);
    let commands: Vec<_> = open.iter().take(MAX_NAMED).map(fix).collect();
    Some((found, commands.join("; ")))
}

fn fix(file: &OpenFile) -> String {
    format!("chmod 600 {}", file.path.display())
}
