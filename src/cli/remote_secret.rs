//! A new secret of a server. Before the request is sent, `FILE.new` holds the request with its
//! `Idempotency-Key`, so that after a crash or a lost answer the next command on `FILE` reads the
//! answer again. Then `FILE.new.secret` gets the secret and is renamed to `FILE`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::cli::api::{Api, ApiRequest, Failure, Page, path};
use crate::cli::error::CliError;
use crate::cli::new_secret::SecretRequest;
use crate::cli::objects::client::SecretObject;
use crate::cli::output;
use crate::cli::remedies::command::SecretRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::secret_destination::{Render, is_discarded};
use crate::cli::secret_file::{
    ExistingFile, PendingFile, SecretFile, draft_of, read, regular_file, remove, secret_in,
};
use crate::cli::{failpoint, secret_leftover};
use crate::crypto::random;
use crate::model::time::Timestamp;
use crate::secrets::secret::suffix;

/// How long a server keeps an answer, in seconds, less a margin for the difference of clocks.
const ANSWER_TTL_SECONDS: i64 = 9 * 60;

/// How often a request is repeated whose first one is running, and how long to wait in between.
const MAX_ATTEMPTS: u32 = 10;
const ATTEMPT_INTERVAL: Duration = Duration::from_secs(1);

/// How many secrets are read at a time.
const PAGE_SIZE: u32 = 1_000;

/// A request whose answer holds a secret, as `FILE.new` keeps it.
#[derive(Serialize, Deserialize)]
struct PendingRequest {
    idempotency_key: String,
    server: String,
    path: String,
    body: Value,
    /// Whether the file is replaced.
    replaces: bool,
    sent_at: i64,
}

impl PendingRequest {
    fn request(&self) -> ApiRequest {
        let request = ApiRequest::post(self.path.clone(), self.body.clone());
        request.with_idempotency_key(&self.idempotency_key)
    }
}

/// Sends a request that makes a secret, and delivers the secret; gives the answer.
pub(super) async fn make(
    api: &Api,
    wanted: SecretRequest<'_>,
    render: Render,
) -> Result<Value, CliError> {
    let SecretRequest { request, client, file, existing } = wanted;
    let key = random::identifier("cli_").map_err(|error| CliError::failed(error.to_string()))?;
    let Some(place) = file else {
        return print(api, &request.with_idempotency_key(&key), existing, &render).await;
    };
    settle(api, place).await?;
    let target = SecretFile::find(place, existing)?;
    if target.is_replacement() {
        check_content(api, place, client).await?;
    }
    let pending = PendingRequest {
        idempotency_key: key,
        server: api.server(),
        path: request.path().to_owned(),
        body: request.body().cloned().unwrap_or_default(),
        replaces: target.is_replacement(),
        sent_at: api.now().0,
    };
    let text = serde_json::to_string(&pending);
    let text = text.map_err(|error| CliError::failed(error.to_string()))?;
    let secret_draft = target.with_draft(secret_draft_of(place)?);
    let note = target.write_text(Zeroizing::new(text + "\n"))?;
    let answer = match api.send(&pending.request()).await {
        Ok(answer) => answer,
        Err(failure) => return Err(not_answered(failure, note)),
    };
    failpoint::reached("answered");
    let text = Zeroizing::new(render(&answer)?);
    publish(secret_draft, &answer)?;
    note.discard();
    output::text(text.as_bytes())
        .map_err(|error| error.and_say("The change was made, and the secret is in its file."))?;
    Ok(answer)
}

/// The same with standard output as the destination.
async fn print(
    api: &Api,
    request: &ApiRequest,
    existing: ExistingFile,
    render: &Render,
) -> Result<Value, CliError> {
    if is_discarded() && existing == ExistingFile::Replace {
        return Err(CliError::failed(
            "the new secret would be lost: standard output is closed or /dev/null",
        )
        .with_remedy(SecretRemedy::CaptureOutput));
    }
    let answer = api.send(request).await?;
    let text = Zeroizing::new(render(&answer)?);
    output::text(text.as_bytes()).map_err(|error| {
        CliError::failed(format!("the secret was not printed: {}", error.text()))
            .and_say("The change was made. Make another secret, and end this one.")
    })?;
    Ok(answer)
}

/// Keeps or removes `FILE.new` after a request without an answer.
fn not_answered(failure: Failure, note: PendingFile) -> CliError {
    if !failure.may_have_been_done() {
        note.discard();
        return CliError::from(failure).and_say("Nothing was changed.");
    }
    let (kept, file) = (note.draft().display(), note.destination().display().to_string());
    CliError::from(failure).and_say(format!(
        "{kept} holds the request. The next command with {} within ten minutes reads the answer.",
        CommandLine::SecretFile(&file)
    ))
}

/// Writes the secret of an answer next to its file and gives it the name of the file.
fn publish(draft: SecretFile, answer: &Value) -> Result<(), CliError> {
    let secret = answer["client_secret"].as_str().map(SecretString::from);
    let secret =
        secret.ok_or_else(|| CliError::server("the answer of the server has no secret"))?;
    draft.write(&secret)?.publish()
}

/// The name of the file with the secret before it is published.
fn secret_draft_of(place: &Path) -> Result<PathBuf, CliError> {
    let mut name = draft_of(place)?.into_os_string();
    name.push(".secret");
    Ok(PathBuf::from(name))
}

/// Reads the answer of an interrupted command on this file again.
async fn settle(api: &Api, place: &Path) -> Result<(), CliError> {
    let draft = draft_of(place)?;
    if regular_file(&draft)?.is_none() {
        return Ok(());
    }
    let Some(_lock) = secret_leftover::lock(&draft)? else { return Ok(()) };
    let rejected = |what: &str| {
        CliError::failed(format!("{} was left by an earlier command; it {what}", draft.display()))
            .with_remedy(SecretRemedy::MoveLeftover)
    };
    let text = read(&draft).map_err(|error| rejected(&format!("cannot be read: {error}")))?;
    if text.is_empty() {
        return discard(&draft, "it was not complete");
    }
    let Ok(pending) = serde_json::from_str::<PendingRequest>(&text) else {
        return Err(rejected("does not hold a request to a server"));
    };
    if pending.server != api.server() {
        return Err(rejected(&format!("holds a request to {}", pending.server)));
    }
    let secret_draft = secret_draft_of(place)?;
    remove(&secret_draft).map_err(|error| {
        CliError::failed(format!("cannot remove {}: {error}", secret_draft.display()))
            .with_remedy(SecretRemedy::NothingChanged)
    })?;
    let end = Timestamp(pending.sent_at).plus_seconds(ANSWER_TTL_SECONDS);
    if api.now() >= end {
        return discard(
            &draft,
            "its answer can no longer be read. If the change was made, end its secret",
        );
    }
    let answer = match repeat(api, &pending).await {
        Ok(answer) => answer,
        Err(failure) if failure.proves_rejection() => {
            return discard(&draft, CliError::from(failure).text());
        }
        Err(failure) => return Err(CliError::from(failure).and_say(still_pending(&draft))),
    };
    let secret = answer["client_secret"].as_str().unwrap_or_default();
    let is_published = read(place).is_ok_and(|found| secret_in(&found).expose_secret() == secret);
    if !is_published {
        let existing = if pending.replaces { ExistingFile::Replace } else { ExistingFile::Reject };
        publish(SecretFile::find(place, existing)?.with_draft(secret_draft), &answer)?;
    }
    remove(&draft)?;
    let client = answer["client_id"].as_str().unwrap_or_default();
    output::hint(&format!(
        "note: an earlier command was interrupted after its request; {} now holds the valid secret \
         of client {client}",
        place.display()
    ));
    Ok(())
}

/// Repeats a request, and waits while the first one with its key is running.
async fn repeat(api: &Api, pending: &PendingRequest) -> Result<Value, Failure> {
    let mut attempts = 1;
    loop {
        match api.send(&pending.request()).await {
            Err(failure) if failure.is_key_in_use() && attempts < MAX_ATTEMPTS => attempts += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(ATTEMPT_INTERVAL).await;
    }
}

fn still_pending(draft: &Path) -> String {
    format!(
        "{} still holds the request of an earlier command, which may have been carried out. Run \
         the command again; or remove that file, and end the secret if there is one.",
        draft.display()
    )
}

fn discard(draft: &Path, why: &str) -> Result<(), CliError> {
    remove(draft)?;
    let draft = draft.display();
    output::hint(&format!("note: {draft} of an interrupted command was removed: {why}"));
    Ok(())
}

/// Fails for a file that holds anything but a secret of this client, by the last characters of its
/// secrets: the server never tells more of them.
async fn check_content(api: &Api, place: &Path, client: Option<&str>) -> Result<(), CliError> {
    let rejected = |what: String| {
        CliError::failed(format!("the secret file {} {what}", place.display()))
            .with_remedy(SecretRemedy::NameOtherFile)
    };
    let text = read(place).map_err(|error| rejected(format!("cannot be read: {error}")))?;
    let secret = secret_in(&text);
    if secret.expose_secret().is_empty() {
        return Ok(());
    }
    let Some(client) = client else { return Ok(()) };
    let secrets = ApiRequest::get(path(&["clients", client, "secrets"])).with("limit", PAGE_SIZE);
    let end = suffix(secret.expose_secret());
    let is_known = |known: &SecretObject| !end.is_empty() && known.suffix == end;
    let mut cursor: Option<String> = None;
    loop {
        let known: Page<SecretObject> = api.page(&secrets, cursor.as_deref()).await?;
        if known.data.iter().any(|found| is_known(&found.object)) {
            return Ok(());
        }
        cursor = known.next_cursor;
        if cursor.is_none() {
            return Err(rejected("does not hold a secret of this client".to_owned()));
        }
    }
}
