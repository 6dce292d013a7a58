//! Delivers a new secret to a file or to standard output, before the change that makes it valid is
//! committed.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::admin::AdminError;
use crate::admin::uncommitted::Pending;
use crate::cli::api::{ApiRequest, Failure, LocalApi};
use crate::cli::error::CliError;
use crate::cli::failpoint;
use crate::cli::output::{self, Format};
use crate::cli::remedies::command::SecretRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::secret_file::{ExistingFile, PendingFile, SecretFile, leftover};
use crate::model::client::ClientId;
use crate::model::secret::SecretId;
use crate::services::Services;
use crate::store::StoreError;
use crate::web::Delivery;

/// The time limit for standard output to accept a secret: other changes wait meanwhile.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit for the query of a commit outcome. It is longer than the database keeps the
/// transaction of a disconnected client open (15 s).
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(20);

/// The interval between two queries of the outcome.
const OUTCOME_INTERVAL: Duration = Duration::from_millis(500);

/// The destination of a new secret.
pub(super) enum Destination {
    /// Standard output.
    Output,
    /// A file that only its owner can read.
    File(Box<SecretFile>),
}

/// A secret that is not committed yet, from the response of the API.
struct UncommittedSecret {
    client_id: String,
    secret_id: SecretId,
    plain: SecretString,
    /// The whole response.
    answer: Value,
}

/// Renders the output of a command from a response with a secret.
pub(in crate::cli) type Render = Box<dyn Fn(&Value) -> Result<String, CliError> + Send + Sync>;

/// The result of a commit.
pub(in crate::cli) enum CommitOutcome {
    Committed,
    NotCommitted(CliError),
    Unknown(CliError),
}

/// Rejects an output format that does not show the secret, if it is not written to a file.
pub(in crate::cli) fn check_format(format: Format, file: Option<&Path>) -> Result<(), CliError> {
    if format == Format::Id && file.is_none() {
        return Err(CliError::usage(
            "-o id does not print the secret, which cannot be shown later",
        )
        .with_remedy(SecretRemedy::UseFile));
    }
    Ok(())
}

impl Destination {
    /// Checks the destination before any change, and settles the leftover of an interrupted
    /// command.
    pub(in crate::cli) async fn open(
        services: &Services,
        file: Option<&Path>,
        client: Option<&ClientId>,
        existing: ExistingFile,
    ) -> Result<Self, CliError> {
        let Some(path) = file else { return Ok(Self::Output) };
        Box::pin(leftover::settle(services, path, client)).await?;
        let file = Box::pin(SecretFile::check(services, path, client, existing)).await?;
        Ok(Self::File(Box::new(file)))
    }

    /// Sends a request that creates a secret. Before the commit, the secret is written to its file,
    /// or the output that `render` returns is printed.
    pub(super) async fn deliver(
        self,
        api: &LocalApi,
        request: &ApiRequest,
        render: Render,
    ) -> Result<Value, CliError> {
        let state = Delivering { destination: Some(self), render, delivered: None, error: None };
        let state = Arc::new(Mutex::new(state));
        let delivery = Delivery::new({
            let state = state.clone();
            move |body| {
                let state = state.clone();
                async move { state.lock().await.take(&body).await }.boxed()
            }
        });
        let outcome = api.send_and_deliver(request, delivery).await;
        let mut state = state.lock().await;
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        match state.delivered.take() {
            Some(delivered) => Box::pin(delivered.settle(api, outcome)).await,
            None => Ok(outcome?),
        }
    }
}

/// The state of a delivery.
struct Delivering {
    destination: Option<Destination>,
    render: Render,
    delivered: Option<Delivered>,
    error: Option<CliError>,
}

impl Delivering {
    /// Delivers the body of the response before the commit; false if that fails.
    async fn take(&mut self, body: &[u8]) -> bool {
        match self.deliver(body).await {
            Ok(delivered) => {
                self.delivered = Some(delivered);
                true
            }
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }

    async fn deliver(&mut self, body: &[u8]) -> Result<Delivered, CliError> {
        let answer: Value =
            serde_json::from_slice(body).map_err(|error| CliError::failed(error.to_string()))?;
        let text = Zeroizing::new((self.render)(&answer)?);
        let secret = UncommittedSecret::of(answer)?;
        let destination = self.destination.take();
        match destination {
            Some(Destination::File(file)) => {
                let draft = file.write(&secret.plain)?;
                Ok(Delivered { secret, draft: Some((draft, text)) })
            }
            Some(Destination::Output) | None => {
                print_before_commit(text).await?;
                Ok(Delivered { secret, draft: None })
            }
        }
    }
}

impl UncommittedSecret {
    fn of(answer: Value) -> Result<Self, CliError> {
        // The response for a new client has the first secret in a list.
        let of_client = &answer["secrets"][0]["secret_id"];
        let secret_id = answer["secret_id"].as_str().or(of_client.as_str());
        let plain = answer["client_secret"].as_str();
        let (Some(client_id), Some(secret_id), Some(plain)) =
            (answer["client_id"].as_str(), secret_id, plain)
        else {
            return Err(CliError::failed("the change was made without a secret"));
        };
        Ok(Self {
            client_id: client_id.to_owned(),
            secret_id: SecretId::parse(secret_id)?,
            plain: SecretString::from(plain),
            answer,
        })
    }
}

async fn print_before_commit(text: Zeroizing<String>) -> Result<(), CliError> {
    print(text).await.map_err(|error| not_printed(&error))?;
    failpoint::reached("secret-printed");
    Ok(())
}

/// A delivered secret whose change may not be committed yet.
struct Delivered {
    secret: UncommittedSecret,
    /// The draft before the commit and the text to print after it; `None` for standard output.
    draft: Option<(PendingFile, Zeroizing<String>)>,
}

impl Delivered {
    /// Completes or undoes the delivery, depending on the outcome of the commit.
    async fn settle(
        self,
        api: &LocalApi,
        outcome: Result<Value, Failure>,
    ) -> Result<Value, CliError> {
        let Self { secret, draft } = self;
        let outcome = commit_outcome(api.services(), outcome, &secret.secret_id).await;
        if matches!(outcome, CommitOutcome::Committed) {
            failpoint::reached("committed");
        }
        let Some((draft, text)) = draft else { return printed(outcome, secret) };
        match outcome {
            CommitOutcome::Committed => {
                draft.publish()?;
                output::text(text.as_bytes()).map_err(|error| {
                    error.with_note("The change was made, and the secret is in its file.")
                })?;
                Ok(secret.answer)
            }
            CommitOutcome::NotCommitted(error) => {
                draft.discard();
                Err(error.with_note("Nothing was changed."))
            }
            CommitOutcome::Unknown(error) => Err(unknown_outcome(error, &draft, &secret)),
        }
    }
}

/// Returns the result for a secret that was printed before the commit.
fn printed(outcome: CommitOutcome, secret: UncommittedSecret) -> Result<Value, CliError> {
    match outcome {
        CommitOutcome::Committed => Ok(secret.answer),
        CommitOutcome::NotCommitted(error) => {
            Err(error.with_note("Nothing was changed. The secret that was printed is not valid."))
        }
        CommitOutcome::Unknown(error) => Err(error.with_note(format!(
            "The secret that was printed is valid if `{}` lists {}.",
            CommandLine::ShowClient(&secret.client_id),
            secret.secret_id
        ))),
    }
}

/// Returns the error for an unknown outcome, when both secrets are kept because one is valid.
fn unknown_outcome(error: CliError, draft: &PendingFile, secret: &UncommittedSecret) -> CliError {
    let (old, new) = (draft.destination().display().to_string(), draft.draft().display());
    let older = if draft.is_replacement() {
        format!("{old} still contains the older secret, and {new} the new one.")
    } else {
        format!("{new} contains the new secret.")
    };
    error.with_note(format!(
        "{older} The new one is valid if `{}` lists {}. The next command with {} asks the \
         database and keeps the valid one.",
        CommandLine::ShowClient(&secret.client_id),
        secret.secret_id,
        CommandLine::SecretFile(&old)
    ))
}

/// Commits a change that makes a secret valid. If the commit is not confirmed, queries the database
/// for its outcome.
pub(in crate::cli) async fn commit<T>(
    services: &Services,
    pending: Pending<T>,
    secret_id: &SecretId,
) -> CommitOutcome {
    let outcome = pending.commit().await.map(|_| Value::Null).map_err(Failure::Operation);
    commit_outcome(services, outcome, secret_id).await
}

/// Determines the outcome of a commit. If it is not confirmed, queries the database.
async fn commit_outcome(
    services: &Services,
    outcome: Result<Value, Failure>,
    secret_id: &SecretId,
) -> CommitOutcome {
    let cause = match outcome {
        Ok(_) => return CommitOutcome::Committed,
        Err(Failure::Operation(AdminError::Store(StoreError::OutcomeUnknown(cause)))) => *cause,
        Err(failure) => return CommitOutcome::NotCommitted(failure.into()),
    };
    output::hint("note: the database did not confirm the change; asking it for the outcome");
    let deadline = Instant::now() + OUTCOME_TIMEOUT;
    loop {
        match services.store.is_secret_committed(secret_id).await {
            Ok(true) => return CommitOutcome::Committed,
            Ok(false) => return CommitOutcome::NotCommitted(cause.into()),
            Err(_) if Instant::now() < deadline => tokio::time::sleep(OUTCOME_INTERVAL).await,
            Err(_) => {
                return CommitOutcome::Unknown(
                    AdminError::Store(StoreError::OutcomeUnknown(Box::new(cause))).into(),
                );
            }
        }
    }
}

/// Fails if standard output cannot be written to. Warns if standard output is discarded; fails in
/// that case if the new secret replaces others, because the client would have no known secret.
pub(super) fn check_output(existing: ExistingFile) -> Result<(), CliError> {
    if !is_discarded() {
        return test_output().map_err(|error| not_printed(&error));
    }
    if existing == ExistingFile::Replace {
        return Err(CliError::failed(
            "the new secret would be lost: standard output is closed or /dev/null",
        )
        .with_remedy(SecretRemedy::CaptureOutput));
    }
    output::hint(&format!(
        "warning: standard output is closed or /dev/null, so the new secret is not shown; use {}",
        CommandLine::SecretFile("FILE")
    ));
    Ok(())
}

fn not_printed(error: &io::Error) -> CliError {
    CliError::failed(format!("the secret was not printed: {error}"))
        .with_remedy(SecretRemedy::NoNewSecret)
}

/// Fails for a full device, or a pipe without a reader. The test writes zero bytes, so it does not
/// detect a full disk.
fn test_output() -> io::Result<()> {
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut states = [PollFd::new(&output, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    // A file that does not support polling is ready.
    let is_asked = poll(&mut states, Some(&now)).is_ok();
    if is_asked && states.iter().any(|state| state.revents().contains(PollFlags::ERR)) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    (&output).write(&[]).map(drop)
}

/// True if standard output is the null device. Rust also opens it in place of a closed standard
/// output.
fn is_discarded() -> bool {
    let device = |path: &str| std::fs::metadata(path).map(|found| found.rdev());
    matches!((device("/dev/stdout"), device("/dev/null")), (Ok(one), Ok(null)) if one == null)
}

/// Writes a text to standard output and flushes it. The wait for a slow reader is limited.
async fn print(text: Zeroizing<String>) -> io::Result<()> {
    let writing = tokio::task::spawn_blocking(move || {
        let mut output = io::stdout().lock();
        output.write_all(text.as_bytes())?;
        output.flush()
    });
    match tokio::time::timeout(OUTPUT_TIMEOUT, writing).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(stopped)) => Err(io::Error::other(stopped)),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("standard output did not accept it within {OUTPUT_TIMEOUT:?}"),
        )),
    }
}
