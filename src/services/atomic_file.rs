//! A file that appears under its name only when it is complete.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::crypto::random;
use crate::store::files::sync_folder_of;

/// How the name of an unfinished file ends.
pub const SUFFIX: &str = ".partial";

/// An unfinished file next to its later place, with mode 0600. It is removed if it is dropped.
pub struct AtomicFile {
    path: PathBuf,
    target: PathBuf,
    is_finished: bool,
}

impl AtomicFile {
    /// Creates the file.
    ///
    /// # Errors
    /// A path that does not name a file, and the error of the operating system.
    pub fn create(target: &Path) -> io::Result<(Self, File)> {
        let name = target.file_name().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the path does not name a file")
        })?;
        let random = random::identifier(".").map_err(io::Error::other)?;
        let mut unfinished = name.to_owned();
        unfinished.push(random);
        unfinished.push(SUFFIX);
        let path = target.with_file_name(unfinished);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((Self { path, target: target.to_owned(), is_finished: false }, file))
    }

    /// Makes the content last, and gives the file its name. A file of that name is not replaced.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], and the error of the operating system.
    pub fn finish(self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        if self.target.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.take_name()
    }

    /// Makes the content last, and gives the file its name. A file of that name is replaced at
    /// once: a reader sees the one or the other, whole.
    ///
    /// # Errors
    /// The error of the operating system. Then the file of that name is as it was.
    pub fn replace(self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        self.take_name()
    }

    fn take_name(mut self) -> io::Result<()> {
        std::fs::rename(&self.path, &self.target)?;
        self.is_finished = true;
        // Not every system can; then the name becomes durable a little later.
        let _ = sync_folder_of(&self.target);
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.is_finished {
            // What cannot be removed says by its name what it is.
            let _ = std::fs::remove_file(&self.path);
        }
    }
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
}
