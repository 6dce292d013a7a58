//! Scheduled backups of a server: when a backup is due, and how many are kept. The files are the
//! only state, so a restart does not affect the schedule.

use std::path::{Path, PathBuf};

use crate::admin::backup::check::Summary;
use crate::admin::backup::create::create;
use crate::admin::backup::error::BackupError;
use crate::config::BackupSettings;
use crate::files;
use crate::model::time::Timestamp;
use crate::services::{Services, atomic_file};

/// The prefix and the suffix of the name of a scheduled backup.
const PREFIX: &str = "tokend-";
const SUFFIX: &str = ".backup";

/// The age in seconds after which an unfinished file is considered abandoned, even if file locks
/// are not supported.
const ABANDONED_SECONDS: i64 = 86_400;

/// The lease that lets only one instance at a time make a backup.
const LEASE: &str = "backup";

/// The duration of the lease, in seconds. A killed instance delays the others this long.
const LEASE_SECONDS: i64 = 3_600;

/// Makes a backup if one is due, and removes the oldest ones beyond the number to keep. Only one
/// instance at a time does so. Other instances that share the folder then find that none is due.
///
/// # Errors
/// As [`create`], and errors of the operating system for the folder.
pub async fn create_if_due(services: &Services) -> Result<Option<Summary>, BackupError> {
    if !is_due(services)? {
        return Ok(None);
    }
    let (store, instance) = (&services.store, services.instance.as_str());
    let now = store.time(&services.clock).await?;
    if !store.take_lease(LEASE, instance, now, now.plus_seconds(LEASE_SECONDS)).await? {
        return Ok(None);
    }
    let made = match is_due(services) {
        Ok(true) => Box::pin(create_now(services)).await.map(Some),
        Ok(false) => Ok(None),
        Err(error) => Err(error),
    };
    // If the database is unavailable, the lease expires by itself.
    let _ = store.end_lease(LEASE, instance).await;
    made
}

/// True if the newest backup is old enough.
fn is_due(services: &Services) -> Result<bool, BackupError> {
    let BackupSettings { schedule, dir, .. } = &services.config.backup;
    let Some(schedule) = schedule else { return Ok(false) };
    let now = services.clock.now();
    Ok(newest(dir)?.is_none_or(|newest| newest.plus(*schedule) <= now))
}

async fn create_now(services: &Services) -> Result<Summary, BackupError> {
    let BackupSettings { dir, keep, .. } = &services.config.backup;
    let now = services.clock.now();
    files::create_private_folder(dir).map_err(BackupError::writing(dir))?;
    // This comes first, because files of killed processes may have filled the disk.
    remove_unfinished(dir, now)?;
    let path = dir.join(name_of(now));
    let made = create(&services.config, &services.store, &services.clock, &path).await?;
    let (dir, keep) = (dir.clone(), *keep);
    let removing = tokio::task::spawn_blocking(move || remove_old(&dir, keep));
    removing.await.map_err(|_| BackupError::Interrupted)??;
    Ok(made)
}

/// Returns the time of the newest backup in a folder.
///
/// # Errors
/// An error of the operating system, unless the folder does not exist.
pub fn newest(dir: &Path) -> Result<Option<Timestamp>, BackupError> {
    Ok(newest_file(dir)?.map(|(time, _)| time))
}

/// Returns the newest backup in a folder, with its time.
///
/// # Errors
/// As [`newest`].
pub fn newest_file(dir: &Path) -> Result<Option<(Timestamp, PathBuf)>, BackupError> {
    let backups = entries(dir)?.into_iter();
    Ok(backups.filter_map(|(name, path)| Some((time_of(&name)?, path))).max())
}

/// Returns the files in a folder that are named like backups, sorted by name.
///
/// # Errors
/// An error of the operating system, unless the folder does not exist.
pub fn backups(dir: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut found: Vec<_> =
        entries(dir)?.into_iter().filter(|(name, _)| name.ends_with(SUFFIX)).collect();
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn name_of(time: Timestamp) -> String {
    let digits: String = time.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{PREFIX}{digits}{SUFFIX}")
}

/// Parses the time in the name of a scheduled backup, `tokend-20261127T121005Z.backup`.
fn time_of(name: &str) -> Option<Timestamp> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (date, time) = digits.strip_suffix('Z')?.split_once('T')?;
    let part = |text: &str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    let date = [part(date, 0, 4)?, part(date, 4, 6)?, part(date, 6, 8)?].join("-");
    let time = [part(time, 0, 2)?, part(time, 2, 4)?, part(time, 4, 6)?].join(":");
    let time = Timestamp::parse(&format!("{date}T{time}Z")).ok()?;
    (name_of(time) == name).then_some(time)
}

/// Returns the files in a folder with their names. The list is empty if the folder does not exist.
fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let reading = BackupError::reading(dir);
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(&reading)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(&reading)?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

/// Returns the time in the name of an unfinished backup.
fn begun_at(name: &str) -> Option<Timestamp> {
    let (time, rest) = name.split_once(SUFFIX)?;
    let time = time_of(&format!("{time}{SUFFIX}"))?;
    rest.ends_with(atomic_file::SUFFIX).then_some(time)
}

/// Removes unfinished files of killed processes: those that are not locked, and those that are old.
fn remove_unfinished(dir: &Path, now: Timestamp) -> Result<(), BackupError> {
    for (name, path) in entries(dir)? {
        let Some(begun) = begun_at(&name) else { continue };
        if begun.plus_seconds(ABANDONED_SECONDS) < now || atomic_file::is_abandoned(&path) {
            match std::fs::remove_file(&path) {
                // Another instance removed it.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                outcome => outcome.map_err(BackupError::writing(&path))?,
            }
        }
    }
    Ok(())
}

fn remove_old(dir: &Path, keep: usize) -> Result<(), BackupError> {
    let times = entries(dir)?.into_iter();
    let mut backups: Vec<_> =
        times.filter_map(|(name, path)| Some((time_of(&name)?, path))).collect();
    backups.sort();
    let old = backups.len().saturating_sub(keep);
    for (_, path) in backups.into_iter().take(old) {
        std::fs::remove_file(&path).map_err(BackupError::writing(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_backup_is_in_its_name() {
        let time = Timestamp::parse("2026-11-27T12:10:05Z").expect("a time");
        let name = name_of(time);
        assert_eq!(name, "tokend-20261127T121005Z.backup");
        assert_eq!(time_of(&name), Some(time));
        for other in [
            "tokend.backup",
            "tokend-20261127T121005Z.backup.a.partial",
            "tokend-2026112ET121005Z.backup",
            "tokend-20261127T121005.backup",
            "tokend-20261127T1210055Z.backup",
            "tokend-2026€1127T12Z.backup",
        ] {
            assert_eq!(time_of(other), None, "{other}");
        }
    }

    #[test]
    fn the_oldest_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path();
        let names = || {
            let mut names: Vec<_> =
                entries(dir).expect("a folder").into_iter().map(|(name, _)| name).collect();
            names.sort();
            names
        };
        for name in [
            "tokend-20261124T000000Z.backup",
            "tokend-20261124T000000Z.backup.x.partial",
            "tokend-20261125T000000Z.backup",
            "tokend-20261126T000000Z.backup",
            "tokend-20261127T000000Z.backup.x.partial",
            "tokend-20261127T000000Z.backup.y.partial",
            "mine.backup",
        ] {
            std::fs::write(dir.join(name), "").expect("written");
        }
        let now = Timestamp::parse("2026-11-27T01:00:00Z").expect("a time");
        // A running process holds the lock of this file.
        let running = dir.join("tokend-20261127T000000Z.backup.y.partial");
        let lock = std::fs::File::open(&running).expect("a file");
        lock.try_lock().expect("a lock");
        remove_unfinished(dir, now).expect("removed");
        remove_old(dir, 2).expect("removed");
        let left = [
            "mine.backup",
            "tokend-20261125T000000Z.backup",
            "tokend-20261126T000000Z.backup",
            "tokend-20261127T000000Z.backup.y.partial",
        ];
        assert_eq!(names(), left);
        let newest = newest(dir).expect("a folder").expect("a backup");
        assert_eq!(newest.to_string(), "2026-11-26T00:00:00Z");
        assert_eq!(super::newest(&dir.join("absent")).expect("nothing"), None);
    }
}
