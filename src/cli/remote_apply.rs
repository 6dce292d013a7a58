//! `tokend diff`, `apply` and `export` at a server: it makes the plan, and its answer has the new
//! secrets.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use crate::admin::declarative::{ApplyOptions, Declarations, PlannedChange};
use crate::cli::api::{Api, ApiRequest, Failure, path};
use crate::cli::applied_secrets::SecretsDir;
use crate::cli::error::CliError;
use crate::cli::secret_file::SecretFile;
use crate::model::client::ClientId;

/// What a server has planned or done.
#[derive(Deserialize)]
pub(super) struct RemotePlan {
    /// The changes, in their order.
    pub(super) changes: Vec<PlannedChange>,
    /// How many objects are as they are declared.
    pub(super) unchanged: usize,
    secrets: Vec<RemoteSecret>,
}

/// A new secret of an answer.
#[derive(Deserialize)]
struct RemoteSecret {
    client_id: String,
    client_secret: SecretString,
}

impl RemotePlan {
    /// The clients that get a secret.
    pub(super) fn new_secrets(&self) -> Result<Vec<ClientId>, CliError> {
        let changes = self.changes.iter().filter(|change| change.gets_secret);
        Ok(changes.map(|change| ClientId::parse(&change.id)).collect::<Result<_, _>>()?)
    }
}

/// The plan of a server; nothing is changed.
pub(super) async fn plan(
    api: &Api,
    declarations: &Declarations,
    options: &ApplyOptions,
) -> Result<RemotePlan, CliError> {
    // The server would name a mistake by its place in the request, and not by its file and line.
    declarations.check(options.source.as_ref())?;
    let request = request(declarations, options).with("dry_run", true);
    Ok(api.read(&request).await?.object)
}

/// Applies at a server, with the new secrets of these clients in `dir`: gives the changes, and each
/// client with its file.
pub(super) async fn apply(
    api: &Api,
    declarations: &Declarations,
    options: &ApplyOptions,
    clients: &[ClientId],
    dir: Option<&SecretsDir>,
) -> Result<(RemotePlan, Vec<(String, PathBuf)>), CliError> {
    // What cannot be written is found before anything is changed.
    let find = |id: &ClientId| dir.map(|dir| dir.find(id)).transpose();
    clients.iter().try_for_each(|id| find(id).map(|_| ()))?;
    let done = api.read::<RemotePlan>(&request(declarations, options)).await;
    let done = done.map_err(not_answered)?.object;
    let mut files = Vec::with_capacity(done.secrets.len());
    for secret in &done.secrets {
        let id = ClientId::parse(&secret.client_id)?;
        let lost = |error: CliError| {
            error.and_say(format!(
                "The change was made, and the new secret of {id} and of the clients after it is \
                 lost: rotate it."
            ))
        };
        let Some(dir) = dir else {
            return Err(lost(CliError::failed("a folder for new secrets is not given")));
        };
        let file = dir.find(&id).map_err(lost)?;
        files.push((id.to_string(), publish(dir, file, &id, &secret.client_secret).map_err(lost)?));
    }
    Ok((done, files))
}

fn publish(
    dir: &SecretsDir,
    file: SecretFile,
    id: &ClientId,
    secret: &SecretString,
) -> Result<PathBuf, CliError> {
    let draft = file.write_text(dir.text_of(id, secret)?)?;
    let place = draft.destination().to_owned();
    draft.publish()?;
    Ok(place)
}

fn not_answered(failure: Failure) -> CliError {
    let may_have_been_done = failure.may_have_been_done();
    let error = CliError::from(failure);
    if may_have_been_done {
        return error.and_say(
            "Run the command again. If the change was made, the secrets of new clients are lost: \
             rotate them.",
        );
    }
    error.and_say("Nothing was changed.")
}

fn request(declarations: &Declarations, options: &ApplyOptions) -> ApiRequest {
    let most = options.max_deletions.unwrap_or(u32::MAX as usize);
    ApiRequest::post(path(&["apply"]), declarations.to_json())
        .with_some("source", options.source.as_ref())
        .with("adopt", options.is_adopting)
        .with("prune", options.is_pruning)
        .with("max_deletions", most)
}
