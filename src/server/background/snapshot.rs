//! Writes the snapshot every `snapshot.interval`, and when the server stops.

use std::error::Error;
use std::sync::Arc;

use crate::app::App;
use crate::app::snapshot::Occasion;
use crate::directory::snapshot::SnapshotError;

pub(super) async fn write_snapshots(app: Arc<App>) {
    let mut was_written = true;
    loop {
        tokio::time::sleep(app.services.config.snapshot.interval).await;
        let written = app.write_snapshot(Occasion::Interval).await;
        note(&written, was_written);
        was_written = written.is_ok();
    }
}

/// Writes the last snapshot of a server that stops.
pub(super) async fn write_last(app: &Arc<App>, has_heartbeat: bool) {
    note(&app.write_snapshot(Occasion::Stop { has_heartbeat }).await, true);
}

/// Logs a snapshot, and the first of several consecutive failures.
fn note(written: &Result<i64, SnapshotError>, was_written: bool) {
    match written {
        Ok(sequence) => tracing::debug!(sequence, "a snapshot was written"),
        Err(error) if was_written => tracing::warn!(
            error = error as &dyn Error,
            "a snapshot cannot be written; the next interval tries again"
        ),
        Err(error) => {
            tracing::debug!(error = error as &dyn Error, "a snapshot cannot be written again");
        }
    }
}
