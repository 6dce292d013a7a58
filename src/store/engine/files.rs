//! The files of a SQLite database.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::files::create_private;

/// Creates an empty file with mode 0600; an existing file is unchanged. The file must not be
/// opened: closing it would release the locks that this process may hold on it through SQLite.
pub(super) fn create_private_file(path: &Path) -> io::Result<()> {
    match create_private(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// True if this process may write to a file or folder.
pub(super) fn is_writable(path: &Path) -> bool {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    access(path, Access::WRITE_OK).is_ok()
}

/// Returns the existing files of a SQLite database: the database itself, and those that SQLite
/// adds.
pub fn of_database(path: &Path) -> Vec<PathBuf> {
    let companions = ["-wal", "-shm"].map(|suffix| companion(path, suffix));
    [path.to_owned()].into_iter().chain(companions).filter(|path| path.exists()).collect()
}

/// Returns the path of a file that SQLite creates next to the database.
pub(super) fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns the names of the owner of a file and of the user of this process, if they differ.
pub(super) fn owner_and_process(path: &Path) -> Option<(String, String)> {
    let owner = std::fs::metadata(path).ok()?.uid();
    let process = rustix::process::geteuid().as_raw();
    (owner != process).then(|| (user_name(owner), user_name(process)))
}

/// Returns the name of a user, or text such as `user 1000` for an unknown user.
fn user_name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("user {uid}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::files::create_private_folder;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("metadata").mode() & 0o777
    }

    #[test]
    fn new_folders_and_files_are_private_and_existing_ones_stay() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("a/b");
        create_private_folder(&folder).expect("a folder");
        let file = folder.join("f");
        create_private_file(&file).expect("a file");
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        std::fs::write(&file, "text").expect("written");
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("a mode");
        create_private_folder(&folder).expect("a folder");
        create_private_file(&file).expect("a file");
        assert_eq!(mode(&folder), 0o755);
        assert_eq!(std::fs::read_to_string(&file).expect("a text"), "text");
    }
}
