//! Repeated delivery of events for notifications and the audit log: soon after each event, and
//! again after a failure.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use crate::app::App;
use crate::services::notifications::Backlog;
use crate::store::StoreError;

/// The interval of checking for events while some are waiting.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// Pauses between two checks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// While no event is waiting. A new event ends the pause.
    pub(super) while_idle: Duration,
    /// After each check, because many events may arrive together.
    pub(super) after_each: Duration,
    /// While more events can be delivered immediately.
    pub(super) while_more: Duration,
}

/// Calls `deliver` as long as the server runs. `task` is its name in the log.
pub(super) async fn deliver_repeatedly<F>(
    app: &App,
    task: &'static str,
    pace: Pace,
    deliver: impl Fn() -> F,
) where
    F: Future<Output = Result<Backlog, StoreError>>,
{
    let mut progress = app.directory.progress();
    let mut is_failing = false;
    loop {
        progress.borrow_and_update();
        let delivered = deliver().await;
        is_failing = log_failure(task, &delivered, is_failing);
        let interval = match delivered {
            Ok(Backlog::Empty) => pace.while_idle,
            Ok(Backlog::More) => {
                tokio::time::sleep(pace.while_more).await;
                continue;
            }
            Ok(Backlog::Waiting) | Err(_) => RETRY_INTERVAL,
        };
        tokio::time::sleep(pace.after_each).await;
        tokio::select! {
            _ = progress.changed() => {}
            () = tokio::time::sleep(interval) => {}
        }
    }
}

/// Logs the first of several failures in a row, except that of an unavailable database, which
/// `follow` logs. True if the delivery is failing.
fn log_failure(
    task: &'static str,
    delivered: &Result<Backlog, StoreError>,
    was_failing: bool,
) -> bool {
    let Err(error) = delivered else { return false };
    if error.is_unavailable() {
        return was_failing;
    }
    if !was_failing {
        let error = error as &dyn Error;
        tracing::warn!(task, error, "a delivery of events failed; it is tried again");
    }
    true
}
