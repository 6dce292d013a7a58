//! Repeated delivery of events for notifications and the audit log: soon after each event, and
//! again after a failure.

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

/// Calls `deliver` as long as the server runs.
pub(super) async fn deliver_repeatedly<F>(app: &App, pace: Pace, deliver: impl Fn() -> F)
where
    F: Future<Output = Result<Backlog, StoreError>>,
{
    let mut progress = app.directory.progress();
    loop {
        progress.borrow_and_update();
        let interval = match deliver().await {
            Ok(Backlog::Empty) => pace.while_idle,
            Ok(Backlog::More) => {
                tokio::time::sleep(pace.while_more).await;
                continue;
            }
            // `follow` logs an unavailable database.
            Ok(Backlog::Waiting) | Err(_) => RETRY_INTERVAL,
        };
        tokio::time::sleep(pace.after_each).await;
        tokio::select! {
            _ = progress.changed() => {}
            () = tokio::time::sleep(interval) => {}
        }
    }
}
