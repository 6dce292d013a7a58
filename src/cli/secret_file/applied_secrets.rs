//! The directory for the secrets of an apply: one file per client, written before the commit.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::admin::declarative::AppliedSecret;
use crate::admin::uncommitted::Pending;
use crate::cli::error::CliError;
use crate::cli::failpoint;
use crate::cli::secret_file::destination::{self, CommitOutcome};
use crate::cli::secret_file::{
    ExistingFile, PendingFile, SecretFile, draft_of, leftover, regular_file,
};
use crate::crypto::digest;
use crate::files::create_private_folder;
use crate::model::client::ClientId;
use crate::model::secret::SecretId;
use crate::services::Services;
use crate::text::shell::quote;

/// The bytes that are percent-encoded in a file name.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The file that holds the request of an apply at a server until all of its secrets are stored.
pub(crate) const REQUEST_FILE: &str = ".apply.new";

/// The maximum length of an object name in Kubernetes (RFC 1123).
const MAX_OBJECT_NAME: usize = 253;

/// What a file of a new secret holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretsFormat {
    /// Only the secret.
    Plain,
    /// A manifest of a Kubernetes Secret with id and secret.
    Kubernetes,
    /// Variables for an environment: id and secret.
    Env,
}

impl SecretsFormat {
    /// Returns the name on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Kubernetes => "kubernetes",
            Self::Env => "env",
        }
    }
}

#[derive(Debug)]
pub(crate) struct SecretsDir {
    folder: PathBuf,
    format: SecretsFormat,
}

/// Secrets on disk that are not valid yet.
pub(crate) struct Drafts(Vec<(ClientId, SecretId, PendingFile)>);

impl SecretsDir {
    /// Creates a handle. The directory itself is created with the first secret.
    pub(crate) fn new(folder: &Path, format: SecretsFormat) -> Self {
        Self { folder: folder.to_owned(), format }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn format(&self) -> SecretsFormat {
        self.format
    }

    /// Completes or removes the files that an interrupted apply left for these clients.
    pub(crate) async fn settle(
        &self,
        services: &Services,
        clients: &[ClientId],
    ) -> Result<(), CliError> {
        for id in clients {
            let path = self.file_of(id);
            if draft_of(&path)?.exists() {
                Box::pin(leftover::settle(services, &path, Some(id))).await?;
            }
        }
        Ok(())
    }

    /// Checks the files of these clients before any change.
    pub(crate) async fn check(
        &self,
        services: &Services,
        clients: &[ClientId],
    ) -> Result<Vec<SecretFile>, CliError> {
        if !clients.is_empty() {
            self.create()?;
        }
        let mut files = Vec::with_capacity(clients.len());
        for id in clients {
            let (path, existing) = (self.file_of(id), ExistingFile::Replace);
            files.push(Box::pin(SecretFile::check(services, &path, Some(id), existing)).await?);
        }
        Ok(files)
    }

    /// Returns the file of a client without checking its content, before a server changes anything.
    pub(crate) fn find(&self, id: &ClientId) -> Result<SecretFile, CliError> {
        SecretFile::find(&self.file_of(id), ExistingFile::Replace)
    }

    /// Returns the leftover of an interrupted apply for a client: the file and its draft.
    pub(crate) fn leftover(&self, id: &ClientId) -> Result<Option<(PathBuf, PathBuf)>, CliError> {
        let path = self.file_of(id);
        let draft = draft_of(&path)?;
        Ok(regular_file(&draft)?.map(|_| (path, draft)))
    }

    /// True if an interrupted apply at a server left its request here.
    pub(crate) fn has_request(&self) -> bool {
        self.folder.join(REQUEST_FILE).exists()
    }

    pub(crate) fn create(&self) -> Result<(), CliError> {
        create_private_folder(&self.folder).map_err(|error| {
            CliError::failed(format!("cannot create {}: {error}", self.folder.display()))
        })
    }

    /// Writes each secret to its checked file. If one of them fails, all are removed.
    pub(crate) fn write(
        &self,
        files: Vec<SecretFile>,
        secrets: &[AppliedSecret],
    ) -> Result<Drafts, CliError> {
        let mut drafts = Drafts(Vec::with_capacity(secrets.len()));
        for (file, secret) in files.into_iter().zip(secrets) {
            let text = match self.text_of(&secret.client_id, &secret.plain) {
                Ok(text) => text,
                Err(error) => {
                    drafts.discard();
                    return Err(error);
                }
            };
            match file.write_text(text) {
                Ok(draft) => {
                    let secret_id = secret.record.secret_id.clone();
                    drafts.0.push((secret.client_id.clone(), secret_id, draft));
                }
                Err(error) => {
                    drafts.discard();
                    return Err(error);
                }
            }
        }
        Ok(drafts)
    }

    /// Returns the path of the file of a client.
    pub(crate) fn file_of(&self, id: &ClientId) -> PathBuf {
        let mut name = utf8_percent_encode(id.as_str(), PLAIN).to_string();
        if name.starts_with('.') {
            name.replace_range(..1, "%2E");
        }
        // `a.new` and `a.new.secret` are drafts of the file of client `a`.
        for ending in ["new", "new.secret"] {
            if let Some(start) = name.strip_suffix(ending).and_then(|name| name.strip_suffix('.')) {
                name = format!("{start}%2E{ending}");
            }
        }
        let ending = match self.format {
            SecretsFormat::Plain => "",
            SecretsFormat::Kubernetes => ".yaml",
            SecretsFormat::Env => ".env",
        };
        self.folder.join(name + ending)
    }

    /// Returns the content of a new secret file.
    pub(crate) fn text_of(
        &self,
        id: &ClientId,
        secret: &SecretString,
    ) -> Result<Zeroizing<String>, CliError> {
        let (id, plain) = (id.as_str(), secret.expose_secret());
        let mut text = Zeroizing::new(String::with_capacity(1024));
        match self.format {
            SecretsFormat::Plain => {
                text.push_str(plain);
                text.push('\n');
            }
            SecretsFormat::Env => {
                let written =
                    writeln!(*text, "TOKEND_CLIENT_ID={}\nTOKEND_CLIENT_SECRET={plain}", quote(id));
                written.map_err(|error| CliError::failed(error.to_string()))?;
            }
            SecretsFormat::Kubernetes => {
                let name = object_name(id);
                let data = SecretData { client_id: id, client_secret: plain };
                let manifest = Manifest {
                    api_version: "v1",
                    kind: "Secret",
                    metadata: Metadata { name: &name },
                    string_data: data,
                };
                serde_saphyr::to_fmt_writer(&mut *text, &manifest)
                    .map_err(|error| CliError::failed(error.to_string()))?;
            }
        }
        Ok(text)
    }
}

impl Drafts {
    /// Commits the change, and renames the files to their final names.
    pub(crate) async fn commit<T>(
        self,
        services: &Services,
        pending: Pending<T>,
    ) -> Result<Vec<(String, PathBuf)>, CliError> {
        let Some((_, secret_id, _)) = self.0.first() else {
            pending.commit().await?;
            return Ok(Vec::new());
        };
        match destination::commit(services, pending, secret_id).await {
            CommitOutcome::Committed => failpoint::reached("committed"),
            CommitOutcome::NotCommitted(error) => {
                self.discard();
                return Err(error.with_note("Nothing was changed."));
            }
            CommitOutcome::Unknown(error) => {
                return Err(error.with_note(
                    "The new secrets are in the files that end in .new. The next apply with this \
                     directory asks the database, and keeps those that are valid.",
                ));
            }
        }
        let mut files = Vec::with_capacity(self.0.len());
        for (id, _, draft) in self.0 {
            files.push((id.to_string(), draft.destination().to_owned()));
            draft.publish()?;
        }
        Ok(files)
    }

    /// Removes the secrets after the change failed.
    pub(crate) fn discard(self) {
        self.0.into_iter().for_each(|(_, _, draft)| draft.discard());
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    string_data: SecretData<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct SecretData<'a> {
    #[serde(rename = "TOKEND_CLIENT_ID")]
    client_id: &'a str,
    #[serde(rename = "TOKEND_CLIENT_SECRET")]
    client_secret: &'a str,
}

/// Returns the name of the Kubernetes object of a client. An id that is not a valid object name
/// gets a part of its digest appended, so that two clients never share an object.
fn object_name(id: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = id.len() <= MAX_OBJECT_NAME
        && id.bytes().all(is_plain)
        && !id.starts_with('-')
        && !id.ends_with('-');
    if is_name {
        return id.to_owned();
    }
    let name: String = id
        .bytes()
        .map(|byte| byte.to_ascii_lowercase())
        .map(|byte| if is_plain(byte) { char::from(byte) } else { '-' })
        .take(200)
        .collect();
    let digest = digest::of_bytes(id.as_bytes()).to_ascii_lowercase();
    let digest: String = digest.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    format!("{}-{digest}", name.trim_matches('-')).trim_start_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(id: &str, format: SecretsFormat) -> String {
        let id = ClientId::parse(id).expect("an id");
        let dir = SecretsDir::new(Path::new("secrets"), format);
        dir.file_of(&id).to_str().expect("a path").to_owned()
    }

    #[test]
    fn an_id_never_leaves_the_folder() {
        assert_eq!(file("billing", SecretsFormat::Plain), "secrets/billing");
        assert_eq!(file("../a", SecretsFormat::Env), "secrets/%2E.%2Fa.env");
        assert_eq!(file("..", SecretsFormat::Plain), "secrets/%2E.");
        assert_eq!(file("a.new", SecretsFormat::Plain), "secrets/a%2Enew");
        assert_eq!(file("a.new.secret", SecretsFormat::Plain), "secrets/a%2Enew.secret");
        assert_eq!(
            file("https://a/b", SecretsFormat::Kubernetes),
            "secrets/https%3A%2F%2Fa%2Fb.yaml"
        );
    }

    #[test]
    fn the_object_of_each_client_has_its_own_name() {
        assert_eq!(object_name("billing-1"), "billing-1");
        let names = ["A", "a", "a.", "a/", "-a", "https://a/b", "%%"].map(object_name);
        for name in &names {
            assert!(name.len() <= MAX_OBJECT_NAME && !name.starts_with('-'), "{name}");
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
    }
}
