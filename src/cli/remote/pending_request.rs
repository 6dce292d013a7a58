//! A request whose response contains secrets, stored in a file until the response is read. After a
//! crash, the next command repeats it with the same `Idempotency-Key`.

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

/// The time for which a server keeps a response, in seconds, less a margin for clock skew.
const ANSWER_TTL_SECONDS: i64 = 9 * 60;

/// The delay between two attempts while the first request is running.
pub(super) const ATTEMPT_INTERVAL: Duration = Duration::from_secs(1);

/// The maximum length of a request file, in bytes: as large as a response may be.
const MAX_FILE_BYTES: u64 = 32 << 20;

/// A request with its `Idempotency-Key`.
#[derive(Serialize, Deserialize)]
pub(in crate::cli) struct PendingRequest {
    pub(in crate::cli) idempotency_key: String,
    server: String,
    /// The path and the query.
    path: String,
    body: Value,
    sent_at: i64,
}

impl PendingRequest {
    /// Creates a request with a new key, to be sent now.
    pub(super) fn new(api: &Api, request: &ApiRequest) -> Result<Self, CliError> {
        Ok(Self {
            idempotency_key: new_key()?,
            server: api.server(),
            path: request.target(),
            body: request.body().cloned().unwrap_or_default(),
            sent_at: api.now().0,
        })
    }

    /// Returns the request with its key.
    pub(in crate::cli) fn request(&self) -> ApiRequest {
        let request = ApiRequest::post(self.path.clone(), self.body.clone());
        request.with_idempotency_key(&self.idempotency_key)
    }

    /// True if path and body equal those of another request.
    pub(in crate::cli) fn is_same(&self, other: &ApiRequest) -> bool {
        self.path == other.target() && Some(&self.body) == other.body()
    }

    /// True if the request was sent to the server of this API.
    pub(super) fn is_for(&self, api: &Api) -> bool {
        self.server == api.server()
    }

    /// Returns the server that the request was sent to.
    pub(in crate::cli) fn server(&self) -> &str {
        &self.server
    }

    /// True if the server no longer keeps the response.
    pub(super) fn is_expired(&self, api: &Api) -> bool {
        api.now() >= Timestamp(self.sent_at).plus_seconds(ANSWER_TTL_SECONDS)
    }

    /// Repeats the request, and waits while the first one is running.
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

/// True if the first request may still be running.
fn is_running(failure: &Failure) -> bool {
    failure.is_key_in_use() || failure.is_apply_in_progress()
}

/// Generates an `Idempotency-Key`.
pub(super) fn new_key() -> Result<String, CliError> {
    random::identifier("cli_").map_err(|error| CliError::failed(error.to_string()))
}

/// Reads a file that may contain a request.
pub(super) fn read_request(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Serializes a request for its file.
pub(in crate::cli) fn text_of(request: &impl Serialize) -> Result<Zeroizing<String>, CliError> {
    let text = serde_json::to_string(request);
    Ok(Zeroizing::new(text.map_err(|error| CliError::failed(error.to_string()))? + "\n"))
}

/// Returns the name of the secret file before it is published: `FILE.new.secret`, because
/// `FILE.new` holds the request.
pub(super) fn secret_draft_of(place: &Path) -> Result<PathBuf, CliError> {
    let mut name = draft_of(place)?.into_os_string();
    name.push(".secret");
    Ok(PathBuf::from(name))
}

/// Returns the advice for a request without a response.
pub(super) fn still_pending(file: &Path) -> String {
    format!(
        "{} still contains the request of an earlier command, which may have been carried out. Run \
         the command again; or remove that file, and end the secret if there is one.",
        file.display()
    )
}

/// Removes the leftover of an interrupted command, and prints the reason.
pub(in crate::cli) fn discard(draft: &Path, why: &str) -> Result<(), CliError> {
    remove(draft)?;
    let draft = draft.display();
    output::hint(&format!("note: {draft} of an interrupted command was removed: {why}"));
    Ok(())
}
