//! Appends lines to a file so that they survive a crash and a log rotation.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::files::sync_folder_of;

/// The maximum number of attempts when the file is rotated meanwhile.
const MAX_ROTATIONS: usize = 3;

/// Appends lines, each with its line break, and returns once they are on disk. A missing file is
/// created with mode 0600. If the file is rotated meanwhile, the lines are also written to the new
/// one, because the reader of the old one may have ended.
///
/// # Errors
/// If the operating system fails. Some of the lines may then have been written.
pub(super) fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    for _ in 0..MAX_ROTATIONS {
        let mut file = open(path)?;
        let is_new = file.metadata()?.len() == 0;
        // A killed process may have left an incomplete line.
        if !is_new && last_byte(&file)? != b'\n' {
            file.write_all(b"\n")?;
        }
        file.write_all(lines)?;
        file.sync_all()?;
        if is_new {
            // Not every system supports this. The name then becomes durable a little later.
            let _ = sync_folder_of(path);
        }
        if is_at(path, &file)? {
            return Ok(());
        }
    }
    Err(io::Error::other("it was replaced by another file each time"))
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).mode(0o600).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(file)
}

fn last_byte(file: &File) -> io::Result<u8> {
    let mut byte = [0];
    let end = file.metadata()?.len();
    file.read_exact_at(&mut byte, end.saturating_sub(1))?;
    Ok(byte[0])
}

/// True if the file still has its name.
fn is_at(path: &Path, file: &File) -> io::Result<bool> {
    let own = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn lines_are_appended_to_whole_lines_in_the_file_of_that_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        let text = || std::fs::read_to_string(&path).expect("a text");
        append(&path, b"1\n").expect("written");
        append(&path, b"2\n3\n").expect("written");
        assert_eq!(text(), "1\n2\n3\n");
        let mode = std::fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // A process was killed while it wrote a line.
        std::fs::write(&path, "1\n{\"seq").expect("written");
        append(&path, b"2\n").expect("written");
        assert_eq!(text(), "1\n{\"seq\n2\n");
        std::fs::rename(&path, folder.path().join("audit.jsonl.1")).expect("rotated");
        append(&path, b"3\n").expect("written");
        assert_eq!(text(), "3\n");
        assert!(append(folder.path(), b"4\n").is_err(), "a folder");
        assert!(append(&folder.path().join("absent/f"), b"4\n").is_err());
    }

    #[test]
    fn a_renamed_file_is_detected() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f");
        let file = open(&path).expect("a file");
        assert!(is_at(&path, &file).expect("metadata"));
        std::fs::rename(&path, folder.path().join("g")).expect("rotated");
        assert!(!is_at(&path, &file).expect("metadata"));
        std::fs::write(&path, "").expect("another file");
        assert!(!is_at(&path, &file).expect("metadata"));
    }
}
