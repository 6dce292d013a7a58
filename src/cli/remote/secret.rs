//! Creates a secret at a server. Before the request is sent, it is stored in `FILE.new` with its
//! `Idempotency-Key`. After a crash or a lost response, the next command on `FILE` reads the
//! response again. The secret is then written to `FILE.new.secret`, which is renamed to `FILE`.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::cli::api::{Api, ApiRequest, Failure, Page, path};
use crate::cli::error::CliError;
use crate::cli::output::objects::client::SecretObject;
use crate::cli::remedies::command::SecretRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::remote::leftover;
use crate::cli::remote::pending_apply::ApplyReference;
use crate::cli::remote::pending_request::{
    PendingRequest, discard, new_key, read_request, secret_draft_of, still_pending, text_of,
};
use crate::cli::secret_file::destination::Render;
use crate::cli::secret_file::new_secret::SecretRequest;
use crate::cli::secret_file::{
    self, ExistingFile, PendingFile, SecretFile, draft_of, read, regular_file, remove, secret_in,
};
use crate::cli::{failpoint, output};
use crate::secrets::secret::suffix;

/// The maximum number of attempts while the first request is running.
const MAX_ATTEMPTS: u32 = 10;

/// The number of secrets in one page.
const PAGE_SIZE: u32 = 1_000;

/// A request that creates one secret, as `FILE.new` stores it.
#[derive(Serialize, Deserialize)]
struct SecretNote {
    #[serde(flatten)]
    request: PendingRequest,
    replaces: bool,
}

/// Sends a request that creates a secret, delivers the secret, and returns the response.
pub(in crate::cli) async fn make(
    api: &Api,
    wanted: SecretRequest<'_>,
    render: Render,
) -> Result<Value, CliError> {
    let SecretRequest { request, client, file, existing } = wanted;
    let Some(place) = file else {
        return print(api, &request.with_idempotency_key(&new_key()?), &render).await;
    };
    settle(api, place).await?;
    let target = SecretFile::find(place, existing)?;
    if target.is_replacement() {
        check_content(api, place, client).await?;
    }
    let pending = PendingRequest::new(api, &request)?;
    let pending = SecretNote { request: pending, replaces: target.is_replacement() };
    let text = text_of(&pending)?;
    let secret_draft = target.with_draft(secret_draft_of(place)?);
    let note = target.write_text(text)?;
    let answer = match api.send(&pending.request.request()).await {
        Ok(answer) => answer,
        Err(failure) => return Err(not_answered(failure, note)),
    };
    failpoint::reached("answered");
    let text = Zeroizing::new(render(&answer)?);
    publish(secret_draft, &answer)?;
    note.discard();
    output::text(text.as_bytes())
        .map_err(|error| error.with_note("The change was made, and the secret is in its file."))?;
    Ok(answer)
}

/// Like [`make`], with standard output as the destination.
async fn print(api: &Api, request: &ApiRequest, render: &Render) -> Result<Value, CliError> {
    let answer = api.send(request).await?;
    let text = Zeroizing::new(render(&answer)?);
    output::text(text.as_bytes()).map_err(|error| {
        let client = answer["client_id"].as_str().unwrap_or_default();
        let text = format!("the secret was not printed: {}", error.text());
        CliError::failed(text).with_note(format!(
            "The change was made, and the secret cannot be read again. Replace it: {}",
            CommandLine::RotateSecret { client, file: "FILE" }
        ))
    })?;
    Ok(answer)
}

/// Keeps or removes `FILE.new` after a request without a response.
fn not_answered(failure: Failure, note: PendingFile) -> CliError {
    if !failure.may_have_been_done() {
        note.discard();
        return CliError::from(failure).with_note("Nothing was changed.");
    }
    let (kept, file) = (note.draft().display(), note.destination().display().to_string());
    CliError::from(failure).with_note(format!(
        "{kept} contains the request. The next command with {} within ten minutes reads the \
         answer.",
        CommandLine::SecretFile(&file)
    ))
}

/// Writes the secret of a response to a draft, and renames the draft to its file.
fn publish(draft: SecretFile, answer: &Value) -> Result<(), CliError> {
    let secret = answer["client_secret"].as_str().map(SecretString::from);
    let secret =
        secret.ok_or_else(|| CliError::server("the answer of the server has no secret"))?;
    draft.write(&secret)?.publish()
}

/// Reads the response of an interrupted command on this file again.
pub(in crate::cli) async fn settle(api: &Api, place: &Path) -> Result<(), CliError> {
    let draft = draft_of(place)?;
    if regular_file(&draft)?.is_none() {
        return Ok(());
    }
    let Some(_lock) = secret_file::leftover::lock(&draft)? else { return Ok(()) };
    let rejected = |what: &str| {
        CliError::failed(format!("{} was left by an earlier command; it {what}", draft.display()))
            .with_remedy(SecretRemedy::MoveLeftover)
    };
    let text = read_request(&draft);
    let text = text.map_err(|error| rejected(&format!("cannot be read: {error}")))?;
    if text.is_empty() {
        return discard(&draft, "it was not complete");
    }
    if let Ok(reference) = serde_json::from_str::<ApplyReference>(&text) {
        return Box::pin(leftover::settle_file(api, place, &reference)).await;
    }
    let Ok(SecretNote { request, replaces }) = serde_json::from_str(&text) else {
        return Err(rejected("does not contain a request to a server"));
    };
    if !request.is_for(api) {
        return Err(rejected(&format!("contains a request to {}", request.server())));
    }
    let secret_draft = secret_draft_of(place)?;
    remove(&secret_draft).map_err(|error| {
        CliError::failed(format!("cannot remove {}: {error}", secret_draft.display()))
            .with_remedy(SecretRemedy::NothingChanged)
    })?;
    if request.is_expired(api) {
        return discard(
            &draft,
            "its answer can no longer be read. If the change was made, end its secret",
        );
    }
    let answer = match request.repeat(api, MAX_ATTEMPTS).await {
        Ok(answer) => answer,
        Err(failure) if failure.proves_rejection() => {
            return discard(&draft, CliError::from(failure).text());
        }
        Err(failure) => return Err(CliError::from(failure).with_note(still_pending(&draft))),
    };
    let secret = answer["client_secret"].as_str().unwrap_or_default();
    let is_published = read(place).is_ok_and(|found| secret_in(&found).expose_secret() == secret);
    if !is_published {
        let existing = if replaces { ExistingFile::Replace } else { ExistingFile::Reject };
        publish(SecretFile::find(place, existing)?.with_draft(secret_draft), &answer)?;
    }
    remove(&draft)?;
    let client = answer["client_id"].as_str().unwrap_or_default();
    output::hint(&format!(
        "note: an earlier command was interrupted after its request; {} now contains the valid \
         secret of client {client}",
        place.display()
    ));
    Ok(())
}

/// Rejects a file whose content is not a secret of this client. It compares the suffix, because the
/// server never discloses more of a secret.
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
    match find_secret(api, client, &secret).await? {
        Some(_) => Ok(()),
        None => Err(rejected("does not contain a secret of this client".to_owned())),
    }
}

/// Finds the secret of a client with the suffix of this one.
pub(super) async fn find_secret(
    api: &Api,
    client: &str,
    secret: &SecretString,
) -> Result<Option<SecretObject>, Failure> {
    let end = suffix(secret.expose_secret());
    if end.is_empty() {
        return Ok(None);
    }
    first_secret(api, client, |found| found.suffix == end).await
}

/// True if a client has a valid secret.
pub(super) async fn has_valid_secret(api: &Api, client: &str) -> Result<bool, Failure> {
    Ok(first_secret(api, client, |found| found.is_valid(api.now())).await?.is_some())
}

/// Returns the first secret of a client for which `is_wanted` is true. Reads the pages one at a
/// time.
async fn first_secret(
    api: &Api,
    client: &str,
    is_wanted: impl Fn(&SecretObject) -> bool,
) -> Result<Option<SecretObject>, Failure> {
    let secrets = ApiRequest::get(path(&["clients", client, "secrets"])).with("limit", PAGE_SIZE);
    let mut cursor: Option<String> = None;
    loop {
        let page: Page<SecretObject> = api.page(&secrets, cursor.as_deref()).await?;
        let mut found = page.data.into_iter().map(|found| found.object);
        if let Some(found) = found.find(|found| is_wanted(found)) {
            return Ok(Some(found));
        }
        match page.next_cursor {
            Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
            _ => return Ok(None),
        }
    }
}
