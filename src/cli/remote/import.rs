//! `tokend client import` at a server: streams the file to the server, and prints the response
//! while it arrives.

use std::io;
use std::time::Duration;

use futures_util::stream;
use http_body_util::StreamBody;
use hyper::StatusCode;
use hyper::body::{Bytes, Frame};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::sync::mpsc::{self, Sender};

use crate::admin::import::Existing;
use crate::cli::api::{AnswerLines, ApiRequest, Failure, RemoteApi, path};
use crate::cli::client::import::{ImportResults, ProgressMeter, Source};
use crate::cli::error::CliError;
use crate::cli::remedies::command::ServerRemedy;

/// The number of bytes of one read.
const PART_BYTES: usize = 64 << 10;

/// The maximum number of parts that wait to be sent.
const MAX_WAITING_PARTS: usize = 4;

/// The time limit for the end of the reading thread after the request failed.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// A line of the response.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Progress {
        progress: Progress,
    },
    Summary {
        #[serde(rename = "summary")]
        _summary: IgnoredAny,
    },
    Problem {
        problem: Value,
    },
    Client(Value),
}

#[derive(Deserialize)]
struct Progress {
    step: String,
    done: usize,
    total: Option<usize>,
}

/// Imports the clients of a source. `name` is the name of the source in errors.
///
/// # Errors
/// The error of the server, or an unknown outcome if its response is incomplete.
pub(in crate::cli) async fn run(
    server: &RemoteApi,
    source: Source,
    name: &str,
    existing: Existing,
    results: &mut ImportResults,
) -> Result<(), CliError> {
    let existing = match existing {
        Existing::Reject => "reject",
        Existing::Skip => "skip",
        Existing::Update => "update",
    };
    let request = ApiRequest::post(path(&["clients", "import"]), Value::Null)
        .with("existing", existing)
        .with("dry_run", results.is_dry_run());
    let (sender, parts) = mpsc::channel(MAX_WAITING_PARTS);
    let body = StreamBody::new(stream::unfold(parts, async |mut parts| {
        let part: io::Result<Bytes> = parts.recv().await?;
        Some((part.map(Frame::data), parts))
    }));
    // The thread of an endless source, such as a terminal, ends with the process.
    let reading = tokio::task::spawn_blocking(move || send_parts(source, &sender));
    match server.upload(&request, body).await {
        Ok(lines) => print(lines, results).await,
        Err(failure) => match tokio::time::timeout(END_TIMEOUT, reading).await {
            // An incomplete body imports nothing.
            Ok(Ok(Err(error))) => Err(CliError::usage(format!("{name} cannot be read: {error}"))),
            _ => Err(failure.into()),
        },
    }
}

/// Reads a source in parts, as fast as the parts are sent.
fn send_parts(mut source: Source, parts: &Sender<io::Result<Bytes>>) -> io::Result<()> {
    loop {
        let mut part = vec![0; PART_BYTES];
        let outcome = match source.read(&mut part) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                part.truncate(length);
                Ok(Bytes::from(part))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let problem =
            outcome.as_ref().err().map(|error| io::Error::new(error.kind(), error.to_string()));
        // If the server has already responded, it needs no more parts.
        if parts.blocking_send(outcome).is_err() {
            return Ok(());
        }
        if let Some(problem) = problem {
            return Err(problem);
        }
    }
}

/// Prints the clients of a response up to its summary.
async fn print(mut lines: AnswerLines, results: &mut ImportResults) -> Result<(), CliError> {
    let meter = ProgressMeter::default();
    let outcome = loop {
        let line = match lines.next().await {
            Ok(Some(line)) => line,
            Ok(None) => break Err(without_end(results, "the answer of the server has no end")),
            Err(problem) => break Err(without_end(results, &problem)),
        };
        match serde_json::from_str(&line) {
            Ok(Line::Progress { progress: Progress { step, done, total } }) => {
                meter.show(&step, done, total);
            }
            Ok(Line::Client(client)) => {
                meter.clear();
                if let Err(error) = results.add(client) {
                    break Err(error);
                }
            }
            Ok(Line::Summary { .. }) => break Ok(()),
            Ok(Line::Problem { problem }) => break Err(of_problem(&problem)),
            Err(_) => break Err(without_end(results, "the answer of the server is not JSON")),
        }
    };
    meter.clear();
    outcome
}

/// Returns the error for a response that ends before its summary.
fn without_end(results: &ImportResults, problem: &str) -> CliError {
    if results.is_dry_run() {
        return CliError::server(problem).with_remedy(ServerRemedy::Reach);
    }
    CliError::outcome_unknown(problem).with_remedy(ServerRemedy::OutcomeUnknown)
}

fn of_problem(problem: &Value) -> CliError {
    let status = problem["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Failure::of_answer(status, problem.to_string().as_bytes()).into()
}
