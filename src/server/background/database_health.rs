//! Probes the database for readiness, which never queries it itself. A stopped or frozen database
//! is detected within a second, even if no request uses it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// The interval of the probe.
const INTERVAL: Duration = Duration::from_millis(200);

/// The time limit of Postgres for a probe. Together with [`INTERVAL`] it is less than a second.
const PROBE_TIMEOUT: Duration = Duration::from_millis(600);

/// Repeatedly checks whether the database answers, and whether it has rejected a write since the
/// last check.
pub(super) async fn watch_database(app: Arc<App>) {
    let store = &app.services.store;
    let mut prober = store.prober(PROBE_TIMEOUT);
    let mut failed_writes = store.metrics.failed_writes();
    loop {
        let answer = prober.probe().await;
        let now = app.services.clock.now();
        if let Err(error) = &answer {
            if app.database.note_answer(false, now) {
                let error = error as &dyn Error;
                tracing::warn!(error, "the database does not answer");
            }
            if let Some(server) = store.follow_primary(PROBE_TIMEOUT).await {
                tracing::warn!(server, "another Postgres of database.url takes writes: it is used");
            }
            // The connection may be dead without an error.
            prober = store.prober(PROBE_TIMEOUT);
        } else if app.database.note_answer(true, now) {
            tracing::info!("the database answers again");
        }
        let failed = store.metrics.failed_writes();
        if failed != failed_writes && app.database.note_write(false) {
            tracing::warn!("the database takes no writes: changes are not stored");
        }
        failed_writes = failed;
        tokio::time::sleep(INTERVAL).await;
    }
}
