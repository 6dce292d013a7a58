//! Watches the database for readiness, which never asks it itself: a stopped or frozen database is
//! known within a second, also while nothing else uses it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How often to look.
const INTERVAL: Duration = Duration::from_millis(200);

/// How long Postgres may take to answer. With [`INTERVAL`] it is less than a second.
const PROBE_TIMEOUT: Duration = Duration::from_millis(600);

/// Looks again and again whether the database answers, and whether a write has failed since the
/// last look because the database takes none.
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
            // Its connection may be dead without an error.
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
