//! Supervises the background tasks. A panic is caught, logged with the name of the task and
//! counted, and the task is restarted after a pause.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use crate::app::background::BackgroundTasks;
use crate::model::time::Clock;
use crate::telemetry;

/// Runs a background task as long as the process. `start` creates the task again after each end. No
/// background task ends by itself, so an end is a failure like a panic.
pub(super) async fn supervise<F: Future<Output = ()>>(
    name: &'static str,
    tasks: &BackgroundTasks,
    clock: &Clock,
    start: impl Fn() -> F,
) {
    loop {
        let pause = run_until_failure(name, tasks, clock, &start).await;
        tokio::time::sleep(pause).await;
    }
}

/// Runs a task until it panics or ends. Returns the pause before its next start.
async fn run_until_failure<F: Future<Output = ()>>(
    name: &'static str,
    tasks: &BackgroundTasks,
    clock: &Clock,
    start: impl Fn() -> F,
) -> Duration {
    // A task keeps its state in the app, whose locks survive a panic. Everything else is recreated.
    let run = AssertUnwindSafe(async { start().await }).catch_unwind();
    let problem = match run.await {
        Ok(()) => "it ended".to_owned(),
        Err(panic) => format!("it panicked: {}", telemetry::panic_message(&*panic)),
    };
    let restart = tasks.note_failure(name, clock.monotonic());
    tracing::error!(
        task = name,
        problem,
        failures = restart.failures,
        restart_in_s = restart.pause.as_secs(),
        "a background task failed and is started again; please report this fault of tokend"
    );
    restart.pause
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// D25: neither a panic nor an end stops a task, and both affect readiness.
    #[tokio::test]
    async fn a_task_that_panics_or_ends_is_started_again() {
        let (tasks, clock) = (BackgroundTasks::default(), Clock::System);
        let starts = AtomicU32::new(0);
        let start = || {
            let number = starts.fetch_add(1, Ordering::Relaxed);
            assert_ne!(number, 0, "a panic outside of the future");
            async move {
                match number {
                    1 => unreachable!("a panic within it"),
                    2 => std::panic::panic_any(7),
                    _ => {}
                }
            }
        };
        for seconds in [1, 2, 4, 8] {
            let pause = run_until_failure("a task", &tasks, &clock, start).await;
            assert_eq!(pause, Duration::from_secs(seconds));
        }
        assert_eq!(tasks.failing(clock.monotonic()), ["a task"]);
    }
}
