//! Delivers events soon after each one, and again after a failure: notifications and the audit log.

use std::future::Future;
use std::time::Duration;

use crate::app::App;
use crate::services::notifications::Backlog;
use crate::store::StoreError;

/// How often to look for events while some wait.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// How long to wait between two looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// While no event waits; a new event is noticed earlier.
    pub(super) while_idle: Duration,
    /// After each look: many events may come at once.
    pub(super) after_each: Duration,
    /// While more events can be delivered at once.
    pub(super) while_more: Duration,
}

/// Calls `deliver` for as long as the server runs.
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
            // `follow` logs that the database is unavailable.
            Ok(Backlog::Waiting) | Err(_) => RETRY_INTERVAL,
        };
        tokio::time::sleep(pace.after_each).await;
        tokio::select! {
            _ = progress.changed() => {}
            () = tokio::time::sleep(interval) => {}
        }
    }
}
