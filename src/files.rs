//! Creates private files and folders, and finds out which other users can access existing ones.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Access, access};

const GROUP_AND_OTHERS: u32 = 0o077;

const OTHERS: u32 = 0o007;

/// The write permission bits of owner, group and others.
const WRITERS: u32 = 0o222;

/// Creates a folder and its missing parents with mode 0700. An existing folder keeps its mode.
///
/// # Errors
///
/// An I/O error of the operating system.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Syncs the parent folder, so that the name of a new file survives a power failure.
///
/// # Errors
///
/// An I/O error. A file system that does not support this sync is not an error.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}

/// Creates a file with mode 0600 and opens it for writing.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] and other I/O errors.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Checks that this process can create files in a folder.
///
/// # Errors
///
/// An I/O error of the operating system.
pub fn check_writable_folder(folder: &Path) -> io::Result<()> {
    if !std::fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Describes the other users who can read a file. `None` if only the owner can, or if the path is
/// not a file.
///
/// A file of another user may be readable by its group: orchestrators pass files to non-root
/// processes in this way.
pub fn other_readers(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    readers(metadata.mode(), if is_own { GROUP_AND_OTHERS } else { OTHERS })
}

/// Describes the other users who can write to a folder. `None` if only the owner can, or if the
/// path is not a folder.
pub fn other_writers(folder: &Path) -> Option<String> {
    let metadata = std::fs::metadata(folder).ok().filter(std::fs::Metadata::is_dir)?;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    let others = if is_own { GROUP_AND_OTHERS } else { OTHERS };
    readers(metadata.mode(), others & WRITERS)
}

fn readers(mode: u32, wrong: u32) -> Option<String> {
    let mode = mode & 0o777;
    match mode & wrong {
        0 => None,
        bits if bits & OTHERS != 0 => Some(format!("every user of this machine (mode {mode:04o})")),
        _ => Some(format!("its group (mode {mode:04o})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_named_by_the_bits_of_the_mode() {
        assert_eq!(readers(0o100_600, GROUP_AND_OTHERS), None);
        assert_eq!(readers(0o100_640, OTHERS), None);
        let text = readers(0o100_640, GROUP_AND_OTHERS).expect("readers");
        assert_eq!(text, "its group (mode 0640)");
        let text = readers(0o100_644, GROUP_AND_OTHERS).expect("readers");
        assert_eq!(text, "every user of this machine (mode 0644)");
    }
}
