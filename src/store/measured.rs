//! Work in the database, with its duration and its failures counted.

use std::future::Future;
use std::time::Instant;

use futures_util::FutureExt;

use crate::store::StoreError;
pub(super) use crate::telemetry::metrics::store::Query;
use crate::telemetry::metrics::store::{FailureKind, StoreMetrics};

/// Does the work and counts it. Not an `async fn`, which would hold the work twice.
pub(super) fn measured<T>(
    metrics: &StoreMetrics,
    query: Query,
    work: impl Future<Output = Result<T, StoreError>>,
) -> impl Future<Output = Result<T, StoreError>> {
    let started = Instant::now();
    work.inspect(move |done| {
        metrics.observe(query, started.elapsed());
        if let Some(kind) = done.as_ref().err().and_then(failure) {
            metrics.count_failure(kind);
        }
    })
}

/// What kind of failure of the database an error is. A row that exists already is none.
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
