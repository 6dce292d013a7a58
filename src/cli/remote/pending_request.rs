//! A request whose answer holds secrets, as a file keeps it until the answer is read: after a crash
//! the next command sends it again with its `Idempotency-Key`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::cli::api::{Api, ApiRequest, Failure};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::secret_file::{draft_of, remove};
use crate::crypto::random;
use crate::model::time::Timestamp;

/// How long a server keeps an answer, in seconds, less a margin for the difference of clocks.
const ANSWER_TTL_SECONDS: i64 = 9 * 60;

/// How long to wait between two attempts, while the first request is running.
pub(super) const ATTEMPT_INTERVAL: Duration = Duration::from_secs(1);

/// The largest file of a request, in bytes: as large as an answer may be.
const MAX_FILE_BYTES: u64 = 32 << 20;

/// A request with its key.
#[derive(Serialize, Deserialize)]
pub(in crate::cli) struct PendingRequest {
    /// The key.
    pub(in crate::cli) idempotency_key: String,
    server: String,
    /// The path and the query.
    path: String,
    body: Value,
    sent_at: i64,
}

impl PendingRequest {
    /// A request that is about to be sent, with a new key.
    pub(super) fn new(api: &Api, request: &ApiRequest) -> Result<Self, CliError> {
        Ok(Self {
            idempotency_key: new_key()?,
            server: api.server(),
            path: request.target(),
            body: request.body().cloned().unwrap_or_default(),
            sent_at: api.now().0,
        })
    }

    /// The request.
    pub(in crate::cli) fn request(&self) -> ApiRequest {
        let request = ApiRequest::post(self.path.clone(), self.body.clone());
        request.with_idempotency_key(&self.idempotency_key)
    }

    /// True if it asks for the same as another request.
    pub(in crate::cli) fn is_same(&self, other: &ApiRequest) -> bool {
        self.path == other.target() && Some(&self.body) == other.body()
    }

    /// True if it was sent to the server of this API.
    pub(super) fn is_for(&self, api: &Api) -> bool {
        self.server == api.server()
    }

    /// The server that it was sent to.
    pub(in crate::cli) fn server(&self) -> &str {
        &self.server
    }

    /// True if the server no longer keeps the answer.
    pub(super) fn is_expired(&self, api: &Api) -> bool {
        api.now() >= Timestamp(self.sent_at).plus_seconds(ANSWER_TTL_SECONDS)
    }

    /// Sends it again, and waits while the first one is running.
    pub(in crate::cli) async fn repeat(
        &self,
        api: &Api,
        max_attempts: u32,
    ) -> Result<Value, Failure> {
        let mut attempts = 1;
        loop {
            match api.send(&self.request()).await {
                Err(failure) if is_running(&failure) && attempts < max_attempts => attempts += 1,
                outcome => return outcome,
            }
            tokio::time::sleep(ATTEMPT_INTERVAL).await;
        }
    }
}

/// True if the first request may be running.
fn is_running(failure: &Failure) -> bool {
    failure.is_key_in_use() || failure.is_apply_in_progress()
}

/// A key for one request.
pub(super) fn new_key() -> Result<String, CliError> {
    random::identifier("cli_").map_err(|error| CliError::failed(error.to_string()))
}

/// Reads a file that may hold a request.
pub(super) fn read_request(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// The text of a file for a request.
pub(in crate::cli) fn text_of(request: &impl Serialize) -> Result<Zeroizing<String>, CliError> {
    let text = serde_json::to_string(request);
    Ok(Zeroizing::new(text.map_err(|error| CliError::failed(error.to_string()))? + "\n"))
}

/// The name of the file with the secret before it is published: `FILE.new.secret`, because
/// `FILE.new` holds the request.
pub(super) fn secret_draft_of(place: &Path) -> Result<PathBuf, CliError> {
    let mut name = draft_of(place)?.into_os_string();
    name.push(".secret");
    Ok(PathBuf::from(name))
}

/// What is said of a request without an answer.
pub(super) fn still_pending(file: &Path) -> String {
    format!(
        "{} still holds the request of an earlier command, which may have been carried out. Run \
         the command again; or remove that file, and end the secret if there is one.",
        file.display()
    )
}

/// Removes what an interrupted command has left, and says why.
pub(in crate::cli) fn discard(draft: &Path, why: &str) -> Result<(), CliError> {
    remove(draft)?;
    let draft = draft.display();
    output::hint(&format!("note: {draft} of an interrupted command was removed: {why}"));
    Ok(())
}
