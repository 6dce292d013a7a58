//! Checks of the free space for files of the server.

use std::path::Path;

use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::finding::Finding;

/// Below this limit a write may fail at any time. A write-ahead log takes some MiB before it is
/// merged into its database.
const MIN_FREE_BYTES: u64 = 16 << 20;

/// Below this limit an operator should free space.
const WARN_FREE_BYTES: u64 = 256 << 20;

/// Checks the file systems of folders. The one with the least free space decides. The first folder
/// is the data directory.
pub(super) fn examine(folders: &[&Path]) -> Finding {
    let free = folders.iter().filter_map(|folder| Some((*folder, free_bytes(folder)?)));
    if let Some((folder, free)) = free.min_by_key(|(_, free)| *free) {
        return finding(folder, free);
    }
    let data_dir = folders.first().map(|folder| folder.display().to_string());
    let found = format!("{} cannot be looked at", data_dir.unwrap_or_default());
    Finding::skipped(CheckCode::DiskSpace, found)
}

/// Returns the space that this process may still use. Returns `None` if the folder does not exist.
fn free_bytes(folder: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(folder).ok()?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

fn finding(folder: &Path, free: u64) -> Finding {
    let code = CheckCode::DiskSpace;
    let found = format!("{} MiB are free at {}", free >> 20, folder.display());
    let fix = "Free space on this disk, or move the files to a larger one. Tokens are issued without \
               it; changes, usage statistics, snapshots and backups are not written.";
    match free {
        0..MIN_FREE_BYTES => Finding::error(code, found, fix),
        MIN_FREE_BYTES..WARN_FREE_BYTES => Finding::warning(code, found, fix),
        _ => Finding::ok(code, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::CheckState::{Error, Ok, Warning};

    #[test]
    fn little_space_is_a_warning_and_then_an_error() {
        let state = |free| finding(Path::new("/data"), free).state;
        let states = [0, (16 << 20) - 1, 16 << 20, (256 << 20) - 1, 256 << 20, u64::MAX].map(state);
        assert_eq!(states, [Error, Error, Warning, Warning, Ok, Ok]);
        assert_eq!(finding(Path::new("/data"), 17 << 20).found, "17 MiB are free at /data");
    }

    #[test]
    fn the_free_space_of_a_missing_folder_is_unknown() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(free_bytes(folder.path()).is_some());
        assert_eq!(free_bytes(&folder.path().join("none")), None);
    }
}
