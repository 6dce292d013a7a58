//! Measures the duration and counts the failures of database work.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use crate::store::{StoreError, with_timeout};
pub(in crate::store) use crate::telemetry::metrics::store::Query;
use crate::telemetry::metrics::store::{FailureKind, StoreMetrics};

/// Runs the work within the timeout and records metrics. The work is boxed, so that this function
/// is compiled once per result type instead of once per statement.
pub(in crate::store) async fn measured<T>(
    metrics: &StoreMetrics,
    query: Query,
    timeout: Duration,
    work: BoxFuture<'_, Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let started = Instant::now();
    let done = with_timeout(timeout, work).await;
    metrics.observe(query, started.elapsed());
    if let Some(kind) = done.as_ref().err().and_then(failure) {
        metrics.count_failure(kind);
    }
    done
}

/// Returns the kind of database failure. `None` for other errors, such as a row that already
/// exists.
fn failure(error: &StoreError) -> Option<FailureKind> {
    match error {
        StoreError::TimedOut(_) => Some(FailureKind::TimedOut),
        StoreError::Failed(_) if error.is_disk_full() => Some(FailureKind::DiskFull),
        StoreError::Failed(_) if error.is_read_only() => Some(FailureKind::ReadOnly),
        StoreError::Unreachable { .. }
        | StoreError::Failed(
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed,
        ) => Some(FailureKind::Connection),
        StoreError::Failed(_) => Some(FailureKind::Other),
        StoreError::OutcomeUnknown(cause) => failure(cause),
        _ => None,
    }
}
