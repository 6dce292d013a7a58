//! Where a new secret goes: to a file, or to standard output. It is there before the change that
//! makes it valid is committed.

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::admin::AdminError;
use crate::admin::pending::Pending;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::cli::remedies::command::SecretRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::secret_file::{Draft, ExistingFile, SecretFile};
use crate::cli::{failpoint, secret_leftover};
use crate::model::client::ClientId;
use crate::model::secret::SecretId;
use crate::services::Services;
use crate::store::StoreError;

/// How long standard output may take to accept a secret: other changes wait meanwhile.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the database is asked for the outcome of a commit: longer than it keeps a transaction
/// open whose client is gone (15 s).
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(20);

/// How often the database is asked.
const OUTCOME_INTERVAL: Duration = Duration::from_millis(500);

/// Where a new secret goes.
pub(super) enum Destination {
    /// It is printed.
    Output,
    /// It is written to a file that only its owner can read.
    File(Box<SecretFile>),
}

/// A secret that is about to be made.
pub(super) struct UncommittedSecret<'a> {
    pub(super) client_id: &'a ClientId,
    pub(super) secret_id: &'a SecretId,
    pub(super) plain: &'a SecretString,
    /// True if the change ends the secrets that the client has.
    pub(super) ends_others: bool,
}

/// What became of a commit.
pub(super) enum CommitOutcome {
    Committed,
    NotCommitted(CliError),
    Unknown(CliError),
}

/// Rejects an output format that does not show the secret, if no file takes it.
pub(super) fn check_format(format: Format, file: Option<&Path>) -> Result<(), CliError> {
    if format == Format::Id && file.is_none() {
        return Err(CliError::usage(
            "-o id does not print the secret, which cannot be shown later",
        )
        .with_remedy(SecretRemedy::UseFile));
    }
    Ok(())
}

impl Destination {
    /// Checks the destination before anything is changed, and settles what an interrupted command
    /// has left there.
    pub(super) async fn open(
        services: &Services,
        file: Option<&Path>,
        client: Option<&ClientId>,
        existing: ExistingFile,
    ) -> Result<Self, CliError> {
        let Some(path) = file else { return Ok(Self::Output) };
        Box::pin(secret_leftover::settle(services, path, client)).await?;
        let file = Box::pin(SecretFile::check(services, path, client, existing)).await?;
        Ok(Self::File(Box::new(file)))
    }

    /// The file, if there is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Output => None,
            Self::File(file) => Some(file.path()),
        }
    }

    /// Delivers the secret, commits the change and prints `text`, which is the whole output of the
    /// command. With standard output as the destination the text holds the secret and comes first.
    pub(super) async fn deliver<T>(
        self,
        services: &Services,
        pending: Pending<T>,
        secret: &UncommittedSecret<'_>,
        text: Zeroizing<String>,
    ) -> Result<(), CliError> {
        match self {
            Self::Output => Box::pin(print_and_commit(services, pending, secret, text)).await,
            Self::File(file) => {
                let draft = file.write(secret.plain)?;
                Box::pin(write_and_commit(services, pending, secret, draft)).await?;
                output::text(text.as_bytes()).map_err(|error| {
                    error.and_say("The change was made, and the secret is in its file.")
                })
            }
        }
    }
}

async fn print_and_commit<T>(
    services: &Services,
    pending: Pending<T>,
    secret: &UncommittedSecret<'_>,
    text: Zeroizing<String>,
) -> Result<(), CliError> {
    if is_discarded() {
        if secret.ends_others {
            return Err(CliError::failed(
                "the new secret would be lost: standard output is closed or /dev/null",
            )
            .with_remedy(SecretRemedy::CaptureOutput));
        }
        output::hint(&format!(
            "warning: standard output is closed or /dev/null, so the new secret is not shown; \
             use {}",
            CommandLine::SecretFile("FILE")
        ));
    }
    print(text).await.map_err(|error| {
        CliError::failed(format!("the secret was not printed: {error}"))
            .with_remedy(SecretRemedy::NoNewSecret)
    })?;
    failpoint::reached("secret-printed");
    match commit(services, pending, secret.secret_id).await {
        CommitOutcome::Committed => {
            failpoint::reached("committed");
            Ok(())
        }
        CommitOutcome::NotCommitted(error) => {
            Err(error.and_say("Nothing was changed. The secret that was printed is not valid."))
        }
        CommitOutcome::Unknown(error) => Err(error.and_say(format!(
            "The secret that was printed is valid if `{}` lists {}.",
            CommandLine::ShowClient(secret.client_id),
            secret.secret_id
        ))),
    }
}

async fn write_and_commit<T>(
    services: &Services,
    pending: Pending<T>,
    secret: &UncommittedSecret<'_>,
    draft: Draft,
) -> Result<(), CliError> {
    match commit(services, pending, secret.secret_id).await {
        CommitOutcome::Committed => {
            failpoint::reached("committed");
            draft.publish()
        }
        CommitOutcome::NotCommitted(error) => {
            draft.discard();
            Err(error.and_say("Nothing was changed."))
        }
        CommitOutcome::Unknown(error) => {
            let (old, new) = (draft.destination().display().to_string(), draft.draft().display());
            let older = if draft.is_replacement() {
                format!("{old} still holds the older secret, and {new} the new one.")
            } else {
                format!("{new} holds the new secret.")
            };
            Err(error.and_say(format!(
                "{older} The new one is valid if `{}` lists {}. The next command with {} asks the \
                 database and keeps the valid one.",
                CommandLine::ShowClient(secret.client_id),
                secret.secret_id,
                CommandLine::SecretFile(&old)
            )))
        }
    }
}

/// Commits a change that makes this secret valid, and asks the database if it did not confirm the
/// commit.
pub(super) async fn commit<T>(
    services: &Services,
    pending: Pending<T>,
    secret_id: &SecretId,
) -> CommitOutcome {
    let cause = match pending.commit().await {
        Ok(_) => return CommitOutcome::Committed,
        Err(AdminError::Store(StoreError::OutcomeUnknown(cause))) => *cause,
        Err(error) => return CommitOutcome::NotCommitted(error.into()),
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

/// True if standard output goes to the null device. Rust opens it in place of a closed one.
fn is_discarded() -> bool {
    let device = |path: &str| std::fs::metadata(path).map(|found| found.rdev());
    matches!((device("/dev/stdout"), device("/dev/null")), (Ok(one), Ok(null)) if one == null)
}

/// Writes and flushes a text to standard output. A reader that does not read is given up on.
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
