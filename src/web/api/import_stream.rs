//! The streamed response of an import, which is written while the import runs.
//!
//! The import runs in its own task. It holds the transaction that all other changes wait for, so it
//! must not depend on how fast its caller reads.

use std::convert::Infallible;
use std::fmt::Write;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, interval_at};

use crate::admin::AdminError;
use crate::admin::import::{ImportOutcome, ImportedClient, Progress};
use crate::web::api::Problem;

/// The interval between progress lines.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// The number of clients written at a time.
const CHUNK: usize = 1_000;

/// The time that a caller has to read the results. Until then they stay in memory, and no other
/// import starts.
const READ_TIMEOUT: Duration = Duration::from_mins(2);

/// The result of an import.
type Ended = Result<Vec<ImportedClient>, AdminError>;

/// The progress of an import. Only the latest value is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct LatestProgress(Arc<Mutex<Option<Progress>>>);

impl LatestProgress {
    pub(super) fn set(&self, now: Progress) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    fn line(&self) -> Option<String> {
        let latest = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Progress { step, done, total } = latest?;
        let progress = json!({ "step": step, "done": done, "total": total });
        Some(format!("{}\n", json!({ "progress": progress })))
    }
}

/// Returns the lines of the response: `{"progress": …}` while the import runs, then an object with
/// `client_id` and `result` for each client and `{"summary": …}`. If the import fails, it is
/// `{"problem": …}` instead.
///
/// The import starts at once and is cancelled if the caller disconnects. `permit` is released when
/// the response has been read, at the latest [`READ_TIMEOUT`] after the end of the import.
pub(super) fn answer_lines(
    import: impl Future<Output = Ended> + Send + 'static,
    latest: LatestProgress,
    is_dry_run: bool,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<String, Infallible>> + Send {
    let (lines, written) = mpsc::channel(1);
    tokio::spawn(async move {
        let _permit = permit;
        let Some(ended) = run(import, &latest, &lines).await else {
            tracing::info!("the caller of an import closed the connection: nothing is imported");
            return;
        };
        let answering = answer(ended, is_dry_run, &lines);
        if tokio::time::timeout(READ_TIMEOUT, answering).await.is_err() {
            tracing::warn!("the answer to an import is not read in time and ends early");
        }
    });
    stream::unfold(written, async |mut written: mpsc::Receiver<String>| {
        let line = written.recv().await?;
        Some((Ok(line), written))
    })
}

/// Runs the import until it ends or the caller disconnects. Progress never waits for a slow reader.
async fn run(
    import: impl Future<Output = Ended>,
    latest: &LatestProgress,
    lines: &mpsc::Sender<String>,
) -> Option<Ended> {
    let mut import = pin!(import);
    let mut ticks = interval_at(Instant::now() + PROGRESS_INTERVAL, PROGRESS_INTERVAL);
    loop {
        tokio::select! {
            biased;
            ended = &mut import => return Some(ended),
            () = lines.closed() => return None,
            _ = ticks.tick() => {}
        }
        if let Some(line) = latest.line() {
            // The line is dropped if the previous one has not been read yet.
            let _ = lines.try_send(line);
        }
    }
}

/// Writes the results at the pace of the caller.
async fn answer(ended: Ended, is_dry_run: bool, lines: &mpsc::Sender<String>) {
    let clients = match ended {
        Ok(clients) => clients,
        Err(error) => {
            // Fails only if the caller has disconnected.
            let _ = lines.send(problem_line(error)).await;
            return;
        }
    };
    for chunk in clients.chunks(CHUNK) {
        let text = chunk.iter().fold(String::new(), |mut text, client| {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{}", json!(client));
            text
        });
        if lines.send(text).await.is_err() {
            return;
        }
    }
    let _ = lines.send(summary_line(&clients, is_dry_run)).await;
}

fn problem_line(error: AdminError) -> String {
    let problem = Problem::from(error);
    if problem.status().is_server_error() {
        tracing::error!(reason = problem.reason(), "an import failed");
    }
    format!("{}\n", json!({ "problem": problem.document() }))
}

fn summary_line(clients: &[ImportedClient], is_dry_run: bool) -> String {
    let count = |wanted| clients.iter().filter(|client| client.result == wanted).count();
    let summary = json!({
        "imported": count(ImportOutcome::Imported),
        "updated": count(ImportOutcome::Updated),
        "unchanged": count(ImportOutcome::Unchanged),
        "skipped": count(ImportOutcome::Skipped),
        "dry_run": is_dry_run,
    });
    format!("{}\n", json!({ "summary": summary }))
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio::sync::{Semaphore, oneshot};

    use super::*;
    use crate::model::client::ClientId;

    fn answer_to(
        import: impl Future<Output = Ended> + Send + 'static,
        latest: LatestProgress,
    ) -> impl Stream<Item = Result<String, Infallible>> + Send {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a permit");
        answer_lines(import, latest, false, permit)
    }

    #[tokio::test]
    async fn the_answer_ends_with_a_summary() {
        let clients = (0..2_500).map(|number| ImportedClient {
            client_id: ClientId::parse(&format!("c{number}")).expect("an id"),
            result: ImportOutcome::Imported,
        });
        let clients = clients.collect();
        let lines = answer_to(async move { Ok(clients) }, LatestProgress::default());
        let text: String = lines.map(|Ok(text)| text).collect::<Vec<_>>().await.concat();
        assert_eq!(text.lines().count(), 2_501);
        assert_eq!(text.lines().nth(2_499), Some(r#"{"client_id":"c2499","result":"imported"}"#));
        let last = text.lines().last().expect("a summary");
        assert!(last.starts_with(r#"{"summary":{"dry_run":false,"imported":2500"#), "{last}");
    }

    #[tokio::test]
    async fn progress_comes_while_the_import_runs_and_a_failure_is_the_last_line() {
        let latest = LatestProgress::default();
        let report = latest.clone();
        let import = async move {
            report.set(Progress { step: "writing", done: 7, total: Some(9) });
            tokio::time::sleep(PROGRESS_INTERVAL + PROGRESS_INTERVAL / 2).await;
            Err(AdminError::RightsNotHeld)
        };
        let lines: Vec<String> = answer_to(import, latest).map(|Ok(text)| text).collect().await;
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains(r#""done":7"#), "{lines:?}");
        assert!(lines[1].contains(r#""code":"rights_not_held""#), "{lines:?}");
    }

    /// A caller that stops reading after one line does not delay the import.
    #[tokio::test]
    async fn an_import_ends_while_the_caller_does_not_read() {
        let latest = LatestProgress::default();
        let report = latest.clone();
        let (end, ended) = oneshot::channel();
        let import = async move {
            report.set(Progress { step: "writing", done: 1, total: Some(9) });
            tokio::time::sleep(PROGRESS_INTERVAL * 4).await;
            end.send(()).expect("the test waits");
            Ok(Vec::new())
        };
        let mut lines = pin!(answer_to(import, latest));
        let Ok(first) = lines.next().await.expect("a line");
        assert!(first.contains(r#""progress""#), "{first}");
        ended.await.expect("the end");
    }

    #[tokio::test]
    async fn an_import_is_dropped_when_its_caller_goes() {
        let (held, dropped) = oneshot::channel::<()>();
        let import = async move {
            let _held = held;
            std::future::pending::<Ended>().await
        };
        drop(answer_to(import, LatestProgress::default()));
        assert!(dropped.await.is_err(), "the import is gone, and nothing was sent");
    }
}
