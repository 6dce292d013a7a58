//! Stores one secret in a file. The secret is written to `FILE.new` before the change that makes it
//! valid is committed. After the commit, `FILE.new` is renamed to `FILE`.
//!
//! A killed process therefore leaves either the state before, or a `FILE.new`.
//! [`crate::cli::secret_file::leftover`] settles it by asking which secret is valid.

pub(super) mod applied_secrets;
pub(super) mod destination;
pub(super) mod leftover;
pub(super) mod new_secret;

use std::fs::{File, Metadata, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::admin::secret;
use crate::admin::secret::lookup::SecretOwner;
use crate::cli::error::CliError;
use crate::cli::remedies::command::SecretRemedy;
use crate::cli::{failpoint, output};
use crate::files::{self, check_writable_folder, sync_folder_of};
use crate::model::client::ClientId;
use crate::secrets::secret::{SecretFormat, format_of};
use crate::services::Services;

/// The maximum length of a secret file, in bytes. Files with only a secret are shorter.
const MAX_FILE_BYTES: u64 = 4096;

/// The treatment of an existing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExistingFile {
    /// Reject the file: the command creates a first or an additional secret.
    Reject,
    /// Replace the file if it is empty or contains a secret of the same client.
    Replace,
}

/// A checked destination to which a secret can be written.
#[derive(Debug)]
pub(super) struct SecretFile {
    path: PathBuf,
    draft: PathBuf,
    /// The file to replace; `None` if it does not exist yet.
    replaced: Option<Metadata>,
}

/// `FILE.new` with the secret: stored on disk, and locked until the outcome is known.
#[derive(Debug)]
pub(super) struct PendingFile {
    file: SecretFile,
    handle: File,
    text: Zeroizing<String>,
}

impl SecretFile {
    /// Checks a destination before any change.
    pub(super) async fn check(
        services: &Services,
        path: &Path,
        client: Option<&ClientId>,
        existing: ExistingFile,
    ) -> Result<Self, CliError> {
        let file = Self::find(path, existing)?;
        if file.replaced.is_some() {
            check_content(services, path, client).await?;
        }
        Ok(file)
    }

    /// Like [`Self::check`], but ignores the content of a file to replace.
    pub(super) fn find(path: &Path, existing: ExistingFile) -> Result<Self, CliError> {
        if existing == ExistingFile::Reject {
            return Self::check_new(path);
        }
        let draft = draft_of(path)?;
        let replaced = regular_file(path)?;
        if let Some(found) = &replaced {
            check_owner(path, found)?;
        }
        Ok(Self { path: path.to_owned(), draft, replaced })
    }

    /// Checks a destination that must not exist yet.
    pub(super) fn check_new(path: &Path) -> Result<Self, CliError> {
        let draft = draft_of(path)?;
        if regular_file(path)?.is_some() {
            return Err(CliError::failed(format!(
                "the secret file {} exists, and this command does not replace a file",
                path.display()
            ))
            .with_remedy(SecretRemedy::NameNewFile));
        }
        Ok(Self { path: path.to_owned(), draft, replaced: None })
    }

    /// True if the file exists and is replaced.
    pub(super) fn is_replacement(&self) -> bool {
        self.replaced.is_some()
    }

    /// Returns the same destination with another draft name.
    pub(super) fn with_draft(&self, draft: PathBuf) -> Self {
        Self { path: self.path.clone(), draft, replaced: self.replaced.clone() }
    }

    /// Writes the secret to `FILE.new` (mode 0600) and syncs it to disk.
    pub(super) fn write(self, secret: &SecretString) -> Result<PendingFile, CliError> {
        self.write_text(Zeroizing::new(format!("{}\n", secret.expose_secret())))
    }

    /// Like [`Self::write`], with a text that contains the secret in another format.
    pub(super) fn write_text(self, text: Zeroizing<String>) -> Result<PendingFile, CliError> {
        let handle = match self.create() {
            Ok(handle) => handle,
            Err(error) => return Err(self.unwritable(&error)),
        };
        failpoint::reached("secret-file-created");
        let draft = PendingFile { file: self, handle, text };
        if !draft.file.is_unchanged() {
            let path = draft.file.path.display().to_string();
            draft.discard();
            return Err(CliError::failed(format!("another command has written {path} meanwhile"))
                .with_remedy(SecretRemedy::InspectFile));
        }
        match draft.fill() {
            Ok(()) => {
                failpoint::reached("secret-file-written");
                Ok(draft)
            }
            Err(error) => {
                let failed = draft.file.unwritable(&error);
                draft.discard();
                Err(failed)
            }
        }
    }

    fn create(&self) -> io::Result<File> {
        let handle = files::create_private(&self.draft)?;
        // The lock tells other commands that this file is not a leftover. On a file system without
        // locks, the file is used unlocked.
        if matches!(handle.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // Another command may have treated the empty file as a leftover before it was locked.
        let is_same = std::fs::symlink_metadata(&self.draft)
            .is_ok_and(|found| handle.metadata().is_ok_and(|own| is_same_file(&found, &own)));
        if is_same { Ok(handle) } else { Err(io::ErrorKind::AlreadyExists.into()) }
    }

    /// True if the destination has not changed since the check. A command that completed in between
    /// published its file before it released `FILE.new`.
    fn is_unchanged(&self) -> bool {
        let found = std::fs::symlink_metadata(&self.path);
        match (&self.replaced, found) {
            (None, Err(error)) => error.kind() == io::ErrorKind::NotFound,
            (Some(checked), Ok(found)) => is_same_file(checked, &found),
            (None, Ok(_)) | (Some(_), Err(_)) => false,
        }
    }

    fn unwritable(&self, error: &io::Error) -> CliError {
        let draft = self.draft.display();
        if error.kind() == io::ErrorKind::AlreadyExists {
            return CliError::failed(format!("another command is writing {draft}"))
                .with_remedy(SecretRemedy::RepeatLater);
        }
        CliError::failed(format!("cannot write the secret to {draft}: {error}"))
            .with_remedy(SecretRemedy::WritableFolder)
    }
}

impl PendingFile {
    fn fill(&self) -> io::Result<()> {
        let mut handle = &self.handle;
        if let Some(replaced) = &self.file.replaced {
            let own = handle.metadata()?;
            if (own.uid(), own.gid()) != (replaced.uid(), replaced.gid()) {
                // Keeps the owner, so that the program that reads the old file can read the new
                // one.
                let (user, group) = (Some(replaced.uid()), Some(replaced.gid()));
                std::os::unix::fs::fchown(handle, user, group)?;
            }
        }
        handle.write_all(self.text.as_bytes())?;
        handle.sync_all()?;
        sync_folder_of(&self.file.draft)
    }

    /// Returns the path of the secret before it is published.
    pub(super) fn draft(&self) -> &Path {
        &self.file.draft
    }

    /// Returns the path at which the secret is published.
    pub(super) fn destination(&self) -> &Path {
        &self.file.path
    }

    /// True if a file with an older secret is replaced.
    pub(super) fn is_replacement(&self) -> bool {
        self.file.replaced.is_some()
    }

    /// Renames the draft to its final name after the commit.
    pub(super) fn publish(self) -> Result<(), CliError> {
        let SecretFile { path, draft, replaced } = &self.file;
        let mode = if replaced.is_some() { ExistingFile::Replace } else { ExistingFile::Reject };
        match publish(draft, path, mode) {
            Ok(()) => Ok(()),
            // Another command may have found this draft and published it.
            Err(_) if read(path).is_ok_and(|found| found == self.text) => Ok(()),
            Err(error) => Err(CliError::failed(format!(
                "the secret is valid and is in {}: cannot rename it to {}: {error}",
                draft.display(),
                path.display()
            ))
            .with_remedy(SecretRemedy::RenameByHand)),
        }
    }

    /// Removes the secret after the change failed.
    pub(super) fn discard(self) {
        if let Err(error) = remove(&self.file.draft) {
            output::hint(&format!(
                "note: {} contains a secret that is not valid, and cannot be removed: {error}",
                self.file.draft.display()
            ));
        }
    }
}

/// Returns the name of the file before the commit: `FILE.new`.
pub(super) fn draft_of(path: &Path) -> Result<PathBuf, CliError> {
    let Some(name) = path.file_name() else {
        return Err(CliError::usage(format!(
            "the secret file `{}` is not the name of a file",
            path.display()
        )));
    };
    let mut name = name.to_owned();
    name.push(".new");
    Ok(path.with_file_name(name))
}

/// Checks the preconditions of a destination before a request is sent: it is a regular file or does
/// not exist, and its directory is writable.
pub(super) fn check_place(path: &Path) -> Result<(), CliError> {
    let draft = draft_of(path)?;
    regular_file(path)?;
    check_writable_folder(folder_of(path)).map_err(|error| {
        SecretFile { path: path.to_owned(), draft, replaced: None }.unwritable(&error)
    })
}

/// Returns the metadata of a file; `None` if it does not exist. Fails unless it is a regular file,
/// because a rename would replace a link or a device itself.
pub(super) fn regular_file(path: &Path) -> Result<Option<Metadata>, CliError> {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(CliError::failed(format!("cannot look at {}: {error}", path.display()))
                .with_remedy(SecretRemedy::NothingChanged));
        }
    };
    let kind = found.file_type();
    if kind.is_file() {
        return Ok(Some(found));
    }
    let what = match (kind.is_dir(), kind.is_symlink()) {
        (true, _) => "a directory",
        (_, true) => "a symbolic link",
        _ => "a device, a pipe or a socket",
    };
    Err(CliError::usage(format!(
        "the secret file {} is {what}; it must be a regular file",
        path.display()
    ))
    .with_remedy(SecretRemedy::NameRegularFile))
}

/// Reads a file that may contain a secret.
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Extracts the secret from the text of a file: a generated one, as in a `.env` file or a manifest,
/// or else the whole text.
pub(super) fn secret_in(text: &str) -> SecretString {
    let is_separator = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    let mut words = text.split(is_separator);
    let generated = words.find(|word| format_of(word) == SecretFormat::Whole);
    SecretString::from(generated.unwrap_or_else(|| text.trim()))
}

/// Rejects a file that another user may have created. The new file gets the owner of the old one,
/// and that user could then read the secret.
fn check_owner(path: &Path, found: &Metadata) -> Result<(), CliError> {
    let is_own = found.uid() == rustix::process::geteuid().as_raw();
    let is_open = std::fs::metadata(folder_of(path)).is_ok_and(|folder| folder.mode() & 0o002 != 0);
    if is_own || !is_open {
        return Ok(());
    }
    Err(CliError::failed(format!(
        "the secret file {} belongs to another user, in a directory that every user may write to",
        path.display()
    ))
    .with_remedy(SecretRemedy::PrivateFolder))
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Rejects a file whose content is not a secret of this client.
async fn check_content(
    services: &Services,
    path: &Path,
    client: Option<&ClientId>,
) -> Result<(), CliError> {
    let rejected = |what: String| {
        CliError::failed(format!("the secret file {} {what}", path.display()))
            .with_remedy(SecretRemedy::NameOtherFile)
    };
    let text = read(path).map_err(|error| rejected(format!("cannot be read: {error}")))?;
    let secret = secret_in(&text);
    if secret.expose_secret().is_empty() {
        return Ok(());
    }
    let candidates: Vec<_> = client.cloned().into_iter().collect();
    match secret::lookup::find(services, &secret, &candidates).await? {
        SecretOwner::Client { client_id, .. } if Some(&client_id) != client => {
            Err(rejected(format!("contains a secret of client {client_id}")))
        }
        SecretOwner::Client { .. } => Ok(()),
        SecretOwner::Uncommitted if is_made_for(services, client, &secret) => Ok(()),
        SecretOwner::Uncommitted | SecretOwner::Unknown => {
            Err(rejected("does not contain a secret of this client".to_owned()))
        }
    }
}

/// True if this database generated the secret for this client, even if the client no longer has it.
fn is_made_for(services: &Services, client: Option<&ClientId>, secret: &SecretString) -> bool {
    let tag_key = &services.keys.tag_key;
    client.is_some_and(|client| tag_key.is_tagged(client.as_str(), secret.expose_secret()))
}

/// Renames a draft to its final name and syncs the directory.
pub(super) fn publish(draft: &Path, path: &Path, existing: ExistingFile) -> io::Result<()> {
    match existing {
        ExistingFile::Replace => std::fs::rename(draft, path)?,
        // A hard link never replaces a file that has appeared in the meantime.
        ExistingFile::Reject => match std::fs::hard_link(draft, path) {
            Ok(()) => {
                failpoint::reached("secret-file-linked");
                remove(draft)?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            // Some file systems do not support hard links.
            Err(_) if !path.exists() => std::fs::rename(draft, path)?,
            Err(error) => return Err(error),
        },
    }
    failpoint::reached("secret-file-renamed");
    sync_folder_of(path)
}

/// Removes a draft; a missing draft is not an error.
pub(super) fn remove(draft: &Path) -> io::Result<()> {
    match std::fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => sync_folder_of(draft),
    }
}

/// True if both are metadata of the same file.
pub(super) fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
