//! A file that appears under its name only once it is complete.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::crypto::random;
use crate::files::{self, sync_folder_of};

/// The suffix of the name of an unfinished file.
pub const SUFFIX: &str = ".partial";

/// The number of random characters in the name of an unfinished file.
const RANDOM_LENGTH: usize = 20;

/// The maximum number of attempts to create an unfinished file while other processes remove it.
const MAX_ATTEMPTS: usize = 10;

/// An unfinished file next to its target, with mode 0600. Dropping it removes the file.
pub struct AtomicFile {
    path: PathBuf,
    target: PathBuf,
    is_finished: bool,
}

impl AtomicFile {
    /// Creates the file, and removes the abandoned files of killed processes for the same target.
    /// The file is locked until it is closed, which shows other processes that it is not abandoned.
    ///
    /// # Errors
    /// If the path does not name a file, or the operating system fails.
    pub fn create(target: &Path) -> io::Result<(Self, File)> {
        remove_abandoned(target);
        for _ in 0..MAX_ATTEMPTS {
            let (draft, file) = Self::create_new(target)?;
            match file.try_lock() {
                // Another process considered it abandoned before it was locked.
                Err(TryLockError::WouldBlock) => {}
                Ok(()) if file.metadata()?.nlink() == 0 => {}
                // On a file system without locks, the file is used without one.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok((draft, file)),
            }
        }
        Err(io::Error::other("other processes removed the unfinished file several times"))
    }

    fn create_new(target: &Path) -> io::Result<(Self, File)> {
        let name = target.file_name().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the path does not name a file")
        })?;
        let random = random::identifier(".").map_err(io::Error::other)?;
        let mut unfinished = name.to_owned();
        unfinished.push(random);
        unfinished.push(SUFFIX);
        let path = target.with_file_name(unfinished);
        let file = files::create_private(&path)?;
        Ok((Self { path, target: target.to_owned(), is_finished: false }, file))
    }

    /// Syncs the content, and renames the file to its target. An existing target is not replaced.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], or the error of the operating system.
    pub fn finish(self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        if self.target.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.take_name()
    }

    /// Syncs the content, and renames the file to its target. An existing target is replaced
    /// atomically: a reader sees either the old or the new file.
    ///
    /// # Errors
    /// If the operating system fails. An existing target is then unchanged.
    pub fn replace(self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        self.take_name()
    }

    fn take_name(mut self) -> io::Result<()> {
        std::fs::rename(&self.path, &self.target)?;
        self.is_finished = true;
        // Not every system supports this. The name then becomes durable a little later.
        let _ = sync_folder_of(&self.target);
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.is_finished {
            // A file that cannot be removed is recognizable by its name.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// True if no process has locked an unfinished file. Without file locks, this is always false.
pub fn is_abandoned(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

/// Removes the abandoned files of killed processes for a target.
fn remove_abandoned(target: &Path) {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Creating the file reports problems with its folder.
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new(".")));
    for entry in entries.into_iter().flatten().flatten() {
        if is_unfinished(&entry.file_name(), target) && is_abandoned(&entry.path()) {
            // Another process may have removed it.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// True for the name of an unfinished file of a target: `NAME.` with letters and digits, then
/// `.partial`.
fn is_unfinished(name: &OsStr, target: &Path) -> bool {
    let target = target.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let name = name.to_str().and_then(|name| name.strip_prefix(target)?.strip_suffix(SUFFIX));
    name.and_then(|name| name.strip_prefix('.')).is_some_and(|random| {
        random.len() == RANDOM_LENGTH && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_draft_appears_when_it_is_finished_and_is_removed_otherwise() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("f");
        let names = || {
            let entries = std::fs::read_dir(folder.path()).expect("a folder");
            let name = |entry: io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
            entries.map(name).collect::<Vec<_>>()
        };
        let (draft, _) = AtomicFile::create(&target).expect("a draft");
        assert!(!target.exists() && names().len() == 1);
        drop(draft);
        assert!(names().is_empty());
        let (draft, mut file) = AtomicFile::create(&target).expect("a draft");
        file.write_all(b"text").expect("written");
        draft.finish(&file).expect("finished");
        assert_eq!(names(), ["f"]);
        let mode = std::fs::metadata(&target).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (draft, file) = AtomicFile::create(&target).expect("a draft");
        assert!(draft.finish(&file).is_err(), "it exists");
        assert_eq!(std::fs::read(&target).expect("a text"), b"text");
        let (draft, mut file) = AtomicFile::create(&target).expect("a draft");
        file.write_all(b"new").expect("written");
        draft.replace(&file).expect("replaced");
        assert_eq!((names().len(), std::fs::read(&target).expect("a text")), (1, b"new".to_vec()));
    }

    #[test]
    fn only_drafts_of_killed_processes_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let target = at("f");
        let (running, running_file) = AtomicFile::create(&target).expect("a draft");
        let left = at("f.0123456789abcdefghij.partial");
        let others = ["f.mine.partial", "g.0123456789abcdefghij.partial", "f.partial"].map(at);
        for path in others.iter().chain([&left]) {
            std::fs::write(path, "half").expect("written");
        }
        let (draft, file) = AtomicFile::create(&target).expect("a draft");
        assert!(!left.exists());
        assert!(others.iter().all(|path| path.exists()));
        running.finish(&running_file).expect("the one that runs");
        assert!(draft.finish(&file).is_err(), "it exists");
    }
}
