//! The pending request of an `apply` at a server. In the directory for new secrets, `.apply.new`
//! holds the request with its `Idempotency-Key`, and each `FILE.new` refers to it. A `FILE.new` is
//! removed when its secret is in `FILE`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::api::{Api, ApiRequest};
use crate::cli::error::CliError;
use crate::cli::failpoint;
use crate::cli::remedies::command::SecretRemedy;
use crate::cli::remote::pending_request::{PendingRequest, read_request, secret_draft_of, text_of};
use crate::cli::secret_file::applied_secrets::{REQUEST_FILE, SecretsDir, SecretsFormat};
use crate::cli::secret_file::{
    self, ExistingFile, PendingFile, SecretFile, draft_of, regular_file, remove,
};
use crate::files::{self, sync_folder_of};
use crate::model::client::ClientId;

/// The name of the request file without its `.new` suffix.
const REQUEST_NAME: &str = ".apply";

/// The content of the request file.
#[derive(Serialize, Deserialize)]
pub(super) struct ApplyNote {
    #[serde(flatten)]
    pub(in crate::cli) request: PendingRequest,
    /// The format of the secret files.
    pub(in crate::cli) format: SecretsFormat,
    /// The clients of the new secrets, with their file names.
    pub(in crate::cli) files: BTreeMap<String, String>,
}

/// The content of a `FILE.new`: the key and the request file.
#[derive(Serialize, Deserialize)]
pub(in crate::cli) struct ApplyReference {
    pub(in crate::cli) idempotency_key: String,
    request_file: String,
}

/// A request that is stored on disk.
pub(in crate::cli) struct PendingApply<'a> {
    dir: &'a SecretsDir,
    note: ApplyNote,
    file: PendingFile,
}

impl ApplyNote {
    /// Finds and locks the request that an interrupted apply left in a directory; `None` if there
    /// is none. An incomplete request was never sent, and is removed.
    pub(super) fn find(dir: &SecretsDir) -> Result<Option<(Self, File)>, CliError> {
        let path = dir.folder().join(REQUEST_FILE);
        if regular_file(&path)?.is_none() {
            return Ok(None);
        }
        let Some(lock) = secret_file::leftover::lock(&path)? else { return Ok(None) };
        let text = read_request(&path).map_err(|error| {
            CliError::failed(format!("cannot read {}: {error}", path.display()))
                .with_remedy(SecretRemedy::MoveLeftover)
        })?;
        if let Ok(note) = serde_json::from_str(&text) {
            return Ok(Some((note, lock)));
        }
        remove_file(&path)?;
        Ok(None)
    }

    /// Returns the client of a secret file.
    pub(super) fn client_of(&self, file: &Path) -> Option<ClientId> {
        let name = file.file_name()?.to_str()?;
        let (id, _) = self.files.iter().find(|(_, known)| known.as_str() == name)?;
        ClientId::parse(id).ok()
    }

    /// Removes the request file after the last of its secrets is published.
    pub(super) fn remove_from(dir: &SecretsDir) -> Result<(), CliError> {
        remove_file(&dir.folder().join(REQUEST_FILE))
    }
}

impl<'a> PendingApply<'a> {
    /// Writes a request and a `FILE.new` for each new secret, so that write errors are found before
    /// any change.
    pub(in crate::cli) fn begin(
        api: &Api,
        request: &ApiRequest,
        clients: &[ClientId],
        dir: &'a SecretsDir,
    ) -> Result<Self, CliError> {
        dir.create()?;
        let mut files = BTreeMap::new();
        for id in clients {
            dir.find(id)?;
            let name = dir.file_of(id).file_name().map(|name| name.to_string_lossy().into_owned());
            files.insert(id.to_string(), name.unwrap_or_default());
        }
        let request = PendingRequest::new(api, request)?;
        let note = ApplyNote { request, format: dir.format(), files };
        let file = SecretFile::find(&dir.folder().join(REQUEST_NAME), ExistingFile::Reject)?;
        let file = file.write_text(text_of(&note)?)?;
        let pending = Self { dir, note, file };
        if let Err(error) = pending.write_references(clients) {
            pending.discard();
            return Err(error);
        }
        failpoint::reached("apply-noted");
        Ok(pending)
    }

    fn write_references(&self, clients: &[ClientId]) -> Result<(), CliError> {
        let reference = ApplyReference {
            idempotency_key: self.note.request.idempotency_key.clone(),
            request_file: REQUEST_FILE.to_owned(),
        };
        let text = text_of(&reference)?;
        for id in clients {
            let draft = draft_of(&self.dir.file_of(id))?;
            write_new(&draft, text.as_bytes()).map_err(|error| {
                CliError::failed(format!("cannot write {}: {error}", draft.display()))
                    .with_remedy(SecretRemedy::WritableFolder)
            })?;
        }
        sync_folder_of(self.file.draft()).map_err(|error| CliError::failed(error.to_string()))
    }

    /// Returns the request with its key.
    pub(in crate::cli) fn request(&self) -> ApiRequest {
        self.note.request.request()
    }

    pub(in crate::cli) fn place(&self) -> &Path {
        self.file.draft()
    }

    /// Removes all files, after the change failed or all secrets are in their files.
    pub(in crate::cli) fn discard(self) {
        for name in self.note.files.values() {
            // The next command finds a file that cannot be removed, and asks the server.
            let _ = draft_of(&self.dir.folder().join(name)).map(|draft| remove(&draft));
        }
        self.file.discard();
    }
}

/// Writes the secret of a response to the file of its client, and removes its `FILE.new`.
pub(in crate::cli) fn publish(
    dir: &SecretsDir,
    id: &ClientId,
    secret: &SecretString,
) -> Result<PathBuf, CliError> {
    let place = dir.file_of(id);
    let secret_draft = secret_draft_of(&place)?;
    remove_file(&secret_draft)?;
    dir.find(id)?.with_draft(secret_draft).write_text(dir.text_of(id, secret)?)?.publish()?;
    remove_file(&draft_of(&place)?)?;
    failpoint::reached("applied-secret-published");
    Ok(place)
}

/// Returns the secret of a client in the response to an apply.
pub(in crate::cli) fn secret_of(answer: &Value, id: &ClientId) -> Option<SecretString> {
    let mut secrets = answer["secrets"].as_array()?.iter();
    let secret = secrets.find(|secret| secret["client_id"] == id.as_str())?;
    secret["client_secret"].as_str().map(SecretString::from)
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = files::create_private(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn remove_file(path: &Path) -> Result<(), CliError> {
    remove(path)
        .map_err(|error| CliError::failed(format!("cannot remove {}: {error}", path.display())))
}
