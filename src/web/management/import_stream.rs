//! The answer to an import: lines that are written while it runs.

use std::convert::Infallible;
use std::fmt::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;
use tokio::time::{Instant, Interval, interval_at};

use crate::admin::AdminError;
use crate::admin::import::{ImportOutcome, ImportedClient, Progress};
use crate::web::management::Problem;

/// How often progress is written.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// How many clients are written at a time.
const CHUNK: usize = 1_000;

/// An import that runs.
type Import = Pin<Box<dyn Future<Output = Result<Vec<ImportedClient>, AdminError>> + Send>>;

/// How far an import is. Only the latest state is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct LatestProgress(Arc<Mutex<Option<Progress>>>);

impl LatestProgress {
    /// Replaces the state.
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

/// What is written next.
enum State {
    Running(Import, Interval),
    Clients(Vec<ImportedClient>, usize),
    Ended,
}

/// The lines of the answer: `{"progress": …}` while the import runs, then an object with
/// `client_id` and `result` for each client and `{"summary": …}`, or `{"problem": …}`.
pub(super) fn answer_lines(
    import: Import,
    latest: LatestProgress,
    is_dry_run: bool,
) -> impl Stream<Item = Result<String, Infallible>> + Send {
    let ticks = interval_at(Instant::now() + PROGRESS_INTERVAL, PROGRESS_INTERVAL);
    let first = State::Running(import, ticks);
    let lines = stream::unfold((first, latest), move |(state, latest)| async move {
        let (text, next) = match state {
            State::Running(import, ticks) => running(import, ticks, &latest).await,
            State::Clients(clients, done) => clients_from(clients, done, is_dry_run),
            State::Ended => return None,
        };
        Some((text, (next, latest)))
    });
    lines.map(Ok)
}

async fn running(
    mut import: Import,
    mut ticks: Interval,
    latest: &LatestProgress,
) -> (String, State) {
    loop {
        tokio::select! {
            biased;
            ended = &mut import => return match ended {
                Ok(clients) => (String::new(), State::Clients(clients, 0)),
                Err(error) => (problem_line(error), State::Ended),
            },
            _ = ticks.tick() => {}
        }
        if let Some(line) = latest.line() {
            return (line, State::Running(import, ticks));
        }
    }
}

fn problem_line(error: AdminError) -> String {
    let problem = Problem::from(error);
    if problem.status().is_server_error() {
        tracing::error!(reason = problem.reason(), "an import failed");
    }
    format!("{}\n", json!({ "problem": problem.document() }))
}

/// The next clients; after the last one the summary.
fn clients_from(clients: Vec<ImportedClient>, done: usize, is_dry_run: bool) -> (String, State) {
    let mut text = String::new();
    for client in clients.iter().skip(done).take(CHUNK) {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{}", json!(client));
    }
    let done = done + CHUNK;
    if done < clients.len() {
        return (text, State::Clients(clients, done));
    }
    let count = |wanted| clients.iter().filter(|client| client.result == wanted).count();
    let summary = json!({
        "imported": count(ImportOutcome::Imported),
        "updated": count(ImportOutcome::Updated),
        "unchanged": count(ImportOutcome::Unchanged),
        "skipped": count(ImportOutcome::Skipped),
        "dry_run": is_dry_run,
    });
    let _ = writeln!(text, "{}", json!({ "summary": summary }));
    (text, State::Ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::client::ClientId;

    #[tokio::test]
    async fn the_answer_ends_with_a_summary() {
        let clients = (0..2_500).map(|number| ImportedClient {
            client_id: ClientId::parse(&format!("c{number}")).expect("an id"),
            result: ImportOutcome::Imported,
        });
        let clients = clients.collect();
        let import: Import = Box::pin(async move { Ok(clients) });
        let lines = answer_lines(import, LatestProgress::default(), false);
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
        let import: Import = Box::pin(async move {
            report.set(Progress { step: "writing", done: 7, total: Some(9) });
            tokio::time::sleep(PROGRESS_INTERVAL + PROGRESS_INTERVAL / 2).await;
            Err(AdminError::RightsNotHeld)
        });
        let lines = answer_lines(import, latest, false);
        let lines: Vec<String> = lines.map(|Ok(text)| text).collect().await;
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains(r#""done":7"#), "{lines:?}");
        assert!(lines[1].contains(r#""code":"rights_not_held""#), "{lines:?}");
    }
}
