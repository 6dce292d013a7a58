//! `tokend diff`, `apply` and `export` at a server. The server computes the plan, and its response
//! contains the new secrets.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use crate::admin::declarative::{ApplyOptions, Declarations, PlannedChange};
use crate::cli::api::{Api, ApiRequest, Failure, path};
use crate::cli::error::CliError;
use crate::cli::failpoint;
use crate::cli::remote::pending_apply::{self, PendingApply};
use crate::cli::remote::pending_request::ATTEMPT_INTERVAL;
use crate::cli::secret_file::applied_secrets::SecretsDir;
use crate::model::client::ClientId;

/// The maximum number of requests for a plan while the server runs another apply.
const MAX_ATTEMPTS: u32 = 60;

/// The plan or the result of an apply at a server.
#[derive(Deserialize)]
pub(in crate::cli) struct RemotePlan {
    pub(in crate::cli) changes: Vec<PlannedChange>,
    /// The number of objects that already match their declaration.
    pub(in crate::cli) unchanged: usize,
    secrets: Vec<RemoteSecret>,
}

/// A new secret in a response.
#[derive(Deserialize)]
struct RemoteSecret {
    client_id: String,
    client_secret: SecretString,
}

impl RemotePlan {
    /// Returns the clients that get a new secret.
    pub(in crate::cli) fn new_secrets(&self) -> Result<Vec<ClientId>, CliError> {
        let changes = self.changes.iter().filter(|change| change.gets_secret);
        Ok(changes.map(|change| ClientId::parse(&change.id)).collect::<Result<_, _>>()?)
    }
}

/// Requests the plan of a server, without changes.
pub(in crate::cli) async fn plan(
    api: &Api,
    declarations: &Declarations,
    options: &ApplyOptions,
) -> Result<RemotePlan, CliError> {
    plan_within(api, declarations, options, 1).await
}

/// Like [`plan`], after an interrupted apply that the server may still be running.
pub(in crate::cli) async fn plan_after_interruption(
    api: &Api,
    declarations: &Declarations,
    options: &ApplyOptions,
) -> Result<RemotePlan, CliError> {
    plan_within(api, declarations, options, MAX_ATTEMPTS).await
}

async fn plan_within(
    api: &Api,
    declarations: &Declarations,
    options: &ApplyOptions,
    max_attempts: u32,
) -> Result<RemotePlan, CliError> {
    // The server could only name the position of a mistake in the request, not its file and line.
    declarations.check(options.source.as_ref())?;
    let request = request(declarations, options).with("dry_run", true);
    let mut attempts = 1;
    loop {
        match api.read(&request).await {
            Err(failure) if failure.is_apply_in_progress() && attempts < max_attempts => {}
            outcome => return Ok(outcome?.object),
        }
        attempts += 1;
        tokio::time::sleep(ATTEMPT_INTERVAL).await;
    }
}

/// Applies at a server and stores the new secrets of these clients in `dir`. Returns the changes,
/// and each client with its file.
pub(in crate::cli) async fn apply(
    api: &Api,
    request: &ApiRequest,
    clients: &[ClientId],
    dir: Option<&SecretsDir>,
) -> Result<(RemotePlan, Vec<(String, PathBuf)>), CliError> {
    let Some(dir) = dir else {
        let done = api.read::<RemotePlan>(request).await;
        let done = done.map_err(|failure| not_answered(failure, None))?.object;
        return match done.secrets.first() {
            None => Ok((done, Vec::new())),
            Some(secret) => Err(without_folder(&secret.client_id)),
        };
    };
    let pending = PendingApply::begin(api, request, clients, dir)?;
    let done = match api.read::<RemotePlan>(&pending.request()).await {
        Ok(done) => done.object,
        Err(failure) => return Err(not_answered(failure, Some(pending))),
    };
    failpoint::reached("answered");
    let mut files = Vec::with_capacity(done.secrets.len());
    for secret in &done.secrets {
        let id = ClientId::parse(&secret.client_id)?;
        let published = pending_apply::publish(dir, &id, &secret.client_secret);
        let published = published.map_err(|error| error.with_note(of_kept(&pending)))?;
        files.push((id.to_string(), published));
    }
    pending.discard();
    // Another caller may have changed an object since the plan.
    match clients.iter().find(|id| files.iter().all(|(known, _)| known != id.as_str())) {
        None => Ok((done, files)),
        Some(id) => Err(CliError::failed(format!(
            "another command has made the secret of {id} meanwhile, and has it"
        ))
        .with_note("Run the command again.")),
    }
}

/// Returns the error for a client that got a secret although the plan needed none.
fn without_folder(client: &str) -> CliError {
    CliError::failed(format!(
        "the change was made, and the new secret of {client} is lost: a directory for new secrets \
         was not given"
    ))
    .with_note("Make another secret, and end this one.")
}

fn not_answered(failure: Failure, pending: Option<PendingApply<'_>>) -> CliError {
    let may_have_been_done = failure.may_have_been_done();
    let error = CliError::from(failure);
    match pending {
        Some(pending) if may_have_been_done => error.with_note(of_kept(&pending)),
        None if may_have_been_done => error.with_note("Run the command again."),
        pending => {
            pending.into_iter().for_each(PendingApply::discard);
            error.with_note("Nothing was changed.")
        }
    }
}

fn of_kept(pending: &PendingApply<'_>) -> String {
    format!(
        "{} contains the request. Run the command again within nine minutes, with the same \
         directory: it reads the answer, and writes the secrets that are missing.",
        pending.place().display()
    )
}

/// Builds the request that applies declarations.
pub(in crate::cli) fn request(declarations: &Declarations, options: &ApplyOptions) -> ApiRequest {
    let max_deletions = options.max_deletions.unwrap_or(u32::MAX as usize);
    ApiRequest::post(path(&["apply"]), declarations.to_json())
        .with_some("source", options.source.as_ref())
        .with("adopt", options.is_adopting)
        .with("prune", options.is_pruning)
        .with("max_deletions", max_deletions)
}

/// Returns the clients of declarations.
pub(in crate::cli) fn declared_clients(declarations: &Declarations) -> Vec<ClientId> {
    let json = declarations.to_json();
    let documents = json["documents"].as_array().into_iter().flatten();
    let clients = documents.filter_map(|document| document["clients"].as_array()).flatten();
    let ids = clients.filter_map(|client| client["client_id"].as_str());
    ids.filter_map(|id| ClientId::parse(id).ok()).collect()
}
