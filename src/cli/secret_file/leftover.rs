//! Settles a `FILE.new` that an earlier command left behind, because it was killed or could not
//! determine the outcome of its commit. The next command on `FILE` asks the database which secret
//! is valid, and completes or removes the leftover.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use secrecy::ExposeSecret;

use crate::admin::secret;
use crate::admin::secret::lookup::SecretOwner;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::remedies::command::SecretRemedy;
use crate::cli::secret_file::{
    ExistingFile, draft_of, is_same_file, publish, read, regular_file, remove, secret_in,
};
use crate::model::client::ClientId;
use crate::secrets::secret::is_beginning;
use crate::services::Services;

/// Completes or removes the leftover of an earlier command on this file, and prints a note on
/// standard error. A leftover that may be valid elsewhere is kept and rejected.
pub(in crate::cli) async fn settle(
    services: &Services,
    path: &Path,
    client: Option<&ClientId>,
) -> Result<(), CliError> {
    let draft = draft_of(path)?;
    if regular_file(&draft)?.is_none() {
        return Ok(());
    }
    // Holds the lock until the leftover is settled.
    let Some(_lock) = lock(&draft)? else { return Ok(()) };
    // Under the lock of the hash chain, the outcome of every earlier commit is final.
    let change = services.store.begin().await?;
    let leftover = Leftover { services, path, draft: &draft, client };
    let settled = leftover.settle().await;
    drop(change);
    settled
}

struct Leftover<'a> {
    services: &'a Services,
    path: &'a Path,
    draft: &'a Path,
    client: Option<&'a ClientId>,
}

impl Leftover<'_> {
    async fn settle(&self) -> Result<(), CliError> {
        let text = match read(self.draft) {
            Ok(text) => text,
            // The command that wrote the file has published or removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.rejected(&format!("cannot be read: {error}"))),
        };
        let secret = secret_in(&text);
        if is_beginning(secret.expose_secret()) {
            return self.remove("it was not complete");
        }
        let mut candidates: Vec<_> = self.client.cloned().into_iter().collect();
        let in_place = self.owner_in_place(&candidates).await?;
        if let InPlace::Of(owner) = &in_place {
            candidates.push(owner.clone());
        }
        match secret::lookup::find(self.services, &secret, &candidates).await? {
            SecretOwner::Client { client_id, is_valid: true, .. } => {
                self.finish(&client_id, &in_place)
            }
            SecretOwner::Client { client_id, .. } => {
                self.remove(&format!("it held a secret of client {client_id} that has ended"))
            }
            SecretOwner::Uncommitted => self.remove("the change that it belongs to was not made"),
            SecretOwner::Unknown => Err(self.rejected(
                "contains a secret that this database does not know, or none at all: it may be \
                 valid in another database",
            )),
        }
    }

    /// Returns the owner of the secret in the file itself.
    async fn owner_in_place(&self, candidates: &[ClientId]) -> Result<InPlace, CliError> {
        if regular_file(self.path)?.is_none() {
            return Ok(InPlace::Nothing);
        }
        let text = read(self.path).map_err(|error| {
            CliError::failed(format!("cannot read {}: {error}", self.path.display()))
                .with_remedy(SecretRemedy::NothingChanged)
        })?;
        let secret = secret_in(&text);
        if secret.expose_secret().is_empty() {
            return Ok(InPlace::Empty);
        }
        Ok(match secret::lookup::find(self.services, &secret, candidates).await? {
            SecretOwner::Client { client_id, .. } => InPlace::Of(client_id),
            SecretOwner::Uncommitted | SecretOwner::Unknown => InPlace::Other,
        })
    }

    /// Renames a valid secret to its final name.
    fn finish(&self, owner: &ClientId, in_place: &InPlace) -> Result<(), CliError> {
        let (path, draft) = (self.path, self.draft);
        if self.client.is_some_and(|client| client != owner) {
            return Err(self
                .rejected(&format!("contains a valid secret of client {owner}, not of this one")));
        }
        let outcome = match in_place {
            InPlace::Nothing => publish(draft, path, ExistingFile::Reject),
            // The earlier command was killed between the two steps of a rename.
            InPlace::Of(_) if is_linked(draft, path) => remove(draft),
            InPlace::Of(client_id) if client_id == owner => {
                publish(draft, path, ExistingFile::Replace)
            }
            InPlace::Empty => publish(draft, path, ExistingFile::Replace),
            InPlace::Of(_) | InPlace::Other => {
                return Err(self.rejected(&format!(
                    "contains a valid secret of client {owner}, and {} contains something else",
                    path.display()
                )));
            }
        };
        match outcome {
            Ok(()) => {
                output::hint(&format!(
                    "note: an earlier command was interrupted after its change; {} now contains \
                     the valid secret of client {owner}",
                    path.display()
                ));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.rejected(&format!(
                "contains the valid secret of client {owner} and cannot be renamed: {error}"
            ))),
        }
    }

    fn remove(&self, why: &str) -> Result<(), CliError> {
        remove(self.draft).map_err(|error| {
            self.rejected(&format!("is not valid and cannot be removed: {error}"))
        })?;
        output::hint(&format!(
            "note: {} of an interrupted command was removed: {why}",
            self.draft.display()
        ));
        Ok(())
    }

    fn rejected(&self, what: &str) -> CliError {
        let draft = self.draft.display();
        CliError::failed(format!("{draft} was left by an earlier command; it {what}"))
            .with_remedy(SecretRemedy::MoveLeftover)
    }
}

/// The content of the file itself, next to its leftover.
enum InPlace {
    Nothing,
    Empty,
    Of(ClientId),
    Other,
}

/// Locks a leftover; `None` if it no longer exists.
pub(in crate::cli) fn lock(draft: &Path) -> Result<Option<File>, CliError> {
    let file = match File::open(draft) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(CliError::failed(format!("cannot read {}: {error}", draft.display()))
                .with_remedy(SecretRemedy::NothingChanged));
        }
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(CliError::failed(format!("another command is writing {}", draft.display()))
                .with_remedy(SecretRemedy::RepeatLater))
        }
        // On a file system without locks, the file is used unlocked.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}

fn is_linked(one: &Path, other: &Path) -> bool {
    let found = (std::fs::symlink_metadata(one), std::fs::symlink_metadata(other));
    matches!(found, (Ok(one), Ok(other)) if is_same_file(&one, &other))
}
