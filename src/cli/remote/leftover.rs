//! Recovers from an interrupted `apply` at a server. The next command reads the response again, and
//! completes the file of each valid secret.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::admin::AdminErrorCode;
use crate::admin::declarative::PlannedChange;
use crate::cli::api::{Api, ApiRequest, Failure};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::remote::pending_apply::{self, ApplyNote, ApplyReference, secret_of};
use crate::cli::remote::pending_request::{discard, read_request, still_pending};
use crate::cli::remote::secret;
use crate::cli::secret_file::applied_secrets::{REQUEST_FILE, SecretsDir, SecretsFormat};
use crate::cli::secret_file::{
    self, ExistingFile, draft_of, publish, read, regular_file, secret_in,
};
use crate::model::client::ClientId;
use crate::model::plural;
use crate::secrets::secret::{SecretFormat, format_of};

/// The maximum number of attempts while the first request is running: a large apply takes long to
/// hash its secrets.
const MAX_ATTEMPTS: u32 = 120;

/// The maximum number of lost secrets that are named.
const MAX_LISTED: usize = 5;

/// The result of the request of an interrupted apply.
#[derive(Default)]
pub(in crate::cli) struct Settled {
    /// True if its response was read.
    pub(in crate::cli) is_answered: bool,
    /// Its changes, if it equals the request of this command.
    pub(in crate::cli) changes: Vec<PlannedChange>,
    /// The clients whose secrets are now in their files.
    pub(in crate::cli) files: Vec<(String, PathBuf)>,
}

/// A leftover `FILE.new` and the file that it is for.
struct Leftover {
    id: ClientId,
    file: PathBuf,
    draft: PathBuf,
}

/// The result for the secret of a leftover.
enum Outcome {
    /// The secret is in its file.
    Published,
    /// The file is complete, or no secret was created. The leftover was removed.
    Removed,
    /// The client has a valid secret that is in no file.
    Lost,
}

/// Completes the file of each valid secret, and removes all other leftovers of these clients.
///
/// # Errors
/// If a client has a valid secret that is in no file, because it is lost. Also if the response to
/// an earlier apply cannot be read at present.
pub(in crate::cli) async fn settle(
    api: &Api,
    request: &ApiRequest,
    declared: &[ClientId],
    dir: &SecretsDir,
) -> Result<Settled, CliError> {
    let note = ApplyNote::find(dir)?;
    let note = note.as_ref().map(|(note, _lock)| note);
    let mut ids: BTreeSet<ClientId> = declared.iter().cloned().collect();
    if let Some(note) = note {
        if note.format != dir.format() {
            return Err(of_other_format(note));
        }
        ids.extend(note.files.keys().filter_map(|id| ClientId::parse(id).ok()));
    }
    let (mut waiting, mut lost) = (Vec::new(), Vec::new());
    for id in ids {
        let Some((file, draft)) = dir.leftover(&id)? else { continue };
        if secret_file::leftover::lock(&draft)?.is_none() {
            continue;
        }
        let leftover = Leftover { id, file, draft };
        let text = read_request(&leftover.draft).unwrap_or_default();
        if text.is_empty() {
            waiting.push(leftover);
        } else if serde_json::from_str::<Value>(&text).is_ok_and(|json| json.is_object()) {
            settle_request(api, leftover, &mut waiting).await?;
        } else {
            settle_text(api, &leftover).await?;
        }
    }
    let mut settled = Settled::default();
    let answer = match note {
        Some(note) => answer_again(api, note, Some(request), &waiting, dir).await?,
        None => None,
    };
    if let (Some(answer), Some(note)) = (&answer, note) {
        settled.is_answered = true;
        if note.request.is_same(request) {
            settled.changes = serde_json::from_value(answer["changes"].clone()).unwrap_or_default();
        }
    }
    for leftover in waiting {
        let secret = answer.as_ref().and_then(|answer| secret_of(answer, &leftover.id));
        match finish(api, dir, &leftover, secret.as_ref()).await? {
            Outcome::Published => settled.files.push((leftover.id.to_string(), leftover.file)),
            Outcome::Removed => {}
            Outcome::Lost => lost.push(leftover),
        }
    }
    if note.is_some() {
        ApplyNote::remove_from(dir)?;
    }
    if lost.is_empty() { Ok(settled) } else { Err(of_lost(&lost)) }
}

/// Completes or removes the leftover of an apply, before another command uses the file.
pub(super) async fn settle_file(
    api: &Api,
    file: &Path,
    reference: &ApplyReference,
) -> Result<(), CliError> {
    let draft = draft_of(file)?;
    let gone = "its answer can no longer be read. If the change was made, end its secret";
    let folder = file.parent().unwrap_or(Path::new("."));
    let dir = SecretsDir::new(folder, SecretsFormat::Plain);
    let Some((note, _lock)) = ApplyNote::find(&dir)? else { return discard(&draft, gone) };
    let is_own = note.request.idempotency_key == reference.idempotency_key;
    let Some(id) = note.client_of(file).filter(|_| is_own) else { return discard(&draft, gone) };
    let dir = SecretsDir::new(folder, note.format);
    let leftover = [Leftover { id, file: file.to_owned(), draft }];
    let answer = answer_again(api, &note, None, &leftover, &dir).await?;
    let [leftover] = leftover;
    let secret = answer.as_ref().and_then(|answer| secret_of(answer, &leftover.id));
    match finish(api, &dir, &leftover, secret.as_ref()).await? {
        Outcome::Published | Outcome::Removed => Ok(()),
        Outcome::Lost => discard(&leftover.draft, gone),
    }
}

/// Requests the response of an interrupted apply again. Returns `None` if the apply was not carried
/// out, or its response is no longer available.
///
/// A request that differs from `present` is repeated only if it was carried out, because the
/// declarations may have been corrected since.
async fn answer_again(
    api: &Api,
    note: &ApplyNote,
    present: Option<&ApiRequest>,
    waiting: &[Leftover],
    dir: &SecretsDir,
) -> Result<Option<Value>, CliError> {
    let request = &note.request;
    if waiting.is_empty() || request.is_expired(api) {
        return Ok(None);
    }
    let place = dir.folder().join(REQUEST_FILE);
    if !request.is_for(api) {
        let (place, server) = (place.display(), request.server());
        return Err(CliError::failed(format!("{place} contains a request to {server}")).with_note(
            "Nothing was changed. Repeat the interrupted command with that server, or move the \
             file elsewhere.",
        ));
    }
    if !present.is_some_and(|present| request.is_same(present)) {
        let mut was_done = false;
        for Leftover { id, file, .. } in waiting {
            was_done = was_done || lacks_secret(api, id, file).await?;
        }
        if !was_done {
            return Ok(None);
        }
    }
    match request.repeat(api, MAX_ATTEMPTS).await {
        Ok(answer) => Ok(Some(answer)),
        // The server ran the request again, so a response to the first one does not exist.
        Err(failure) if failure.is_rejected_change() => Ok(None),
        Err(failure) => Err(CliError::from(failure).with_note(still_pending(&place))),
    }
}

/// Publishes the secret of a leftover if it is valid.
async fn finish(
    api: &Api,
    dir: &SecretsDir,
    leftover: &Leftover,
    secret: Option<&SecretString>,
) -> Result<Outcome, CliError> {
    let Leftover { id, file, draft } = leftover;
    if !lacks_secret(api, id, file).await? {
        discard(draft, "no secret is missing")?;
        return Ok(Outcome::Removed);
    }
    if let Some(secret) = secret
        && is_valid(api, id, secret).await?
    {
        pending_apply::publish(dir, id, secret)?;
        print_finished(id, file);
        return Ok(Outcome::Published);
    }
    // The next apply finds an empty file and reports the lost secret again.
    std::fs::write(draft, "")
        .map_err(|error| CliError::failed(format!("cannot write {}: {error}", draft.display())))?;
    Ok(Outcome::Lost)
}

/// Settles the request of another command, or defers a leftover of an apply.
async fn settle_request(
    api: &Api,
    leftover: Leftover,
    waiting: &mut Vec<Leftover>,
) -> Result<(), CliError> {
    let text = read_request(&leftover.draft).unwrap_or_default();
    if serde_json::from_str::<ApplyReference>(&text).is_ok() {
        waiting.push(leftover);
        return Ok(());
    }
    Box::pin(secret::settle(api, &leftover.file)).await
}

/// Settles a secret that a local command left behind.
async fn settle_text(api: &Api, leftover: &Leftover) -> Result<(), CliError> {
    let Leftover { id, file, draft } = leftover;
    let Some(_lock) = secret_file::leftover::lock(draft)? else { return Ok(()) };
    if holds_valid(api, id, draft).await? {
        let published = publish(draft, file, ExistingFile::Replace);
        published.map_err(|error| {
            CliError::failed(format!("cannot rename {}: {error}", draft.display()))
        })?;
        print_finished(id, file);
        return Ok(());
    }
    let is_whole = read(draft)
        .is_ok_and(|text| format_of(secret_in(&text).expose_secret()) == SecretFormat::Whole);
    discard(draft, if is_whole { "its secret is not valid" } else { "it was not complete" })
}

/// True if a client has a valid secret, but its file contains none.
async fn lacks_secret(api: &Api, id: &ClientId, file: &Path) -> Result<bool, Failure> {
    if regular_file(file)?.is_some() && holds_valid(api, id, file).await? {
        return Ok(false);
    }
    or_absent(secret::has_valid_secret(api, id.as_str()).await)
}

/// True if a file contains a valid secret of a client.
async fn holds_valid(api: &Api, id: &ClientId, file: &Path) -> Result<bool, Failure> {
    let Ok(text) = read(file) else { return Ok(false) };
    is_valid(api, id, &secret_in(&text)).await
}

/// True if a client has this secret and the secret is valid.
async fn is_valid(api: &Api, id: &ClientId, secret: &SecretString) -> Result<bool, Failure> {
    let found = secret::find_secret(api, id.as_str(), secret).await;
    or_absent(found.map(|found| found.is_some_and(|found| found.is_valid(api.now()))))
}

/// Maps a client that does not exist to false.
fn or_absent(outcome: Result<bool, Failure>) -> Result<bool, Failure> {
    match outcome {
        Err(failure) if failure.is(AdminErrorCode::ClientNotFound) => Ok(false),
        outcome => outcome,
    }
}

fn print_finished(id: &ClientId, file: &Path) {
    output::hint(&format!(
        "note: an earlier apply was interrupted after its change; {} now contains the valid secret \
         of client {id}",
        file.display()
    ));
}

fn of_other_format(note: &ApplyNote) -> CliError {
    let format = note.format.as_str();
    CliError::failed("an interrupted apply has left its request in the directory for new secrets")
        .with_note(format!(
            "Nothing was changed. Repeat it with --secrets-format {format} before another format \
             is used."
        ))
}

fn of_lost(lost: &[Leftover]) -> CliError {
    let ids: Vec<_> = lost.iter().take(MAX_LISTED).map(|lost| lost.id.as_str()).collect();
    let more = if lost.len() > ids.len() { ", …" } else { "" };
    let count = lost.len();
    let (noun, verb) = (plural::noun(count, "secret", "secrets"), plural::noun(count, "is", "are"));
    let mut error = CliError::failed(format!(
        "an interrupted apply has made {} {noun} whose answer can no longer be read; {noun} {verb} \
         lost: {}{more}",
        lost.len(),
        ids.join(", ")
    ))
    .with_note("Replace each of them, and run the command again:");
    for Leftover { id, file, .. } in lost.iter().take(MAX_LISTED) {
        let (client, file) = (id.as_str(), file.display().to_string());
        error = error.with_note(CommandLine::RotateSecret { client, file: &file }.to_string());
    }
    error
}
