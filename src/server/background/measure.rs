//! Periodic measurements for metrics that are too expensive for each scrape: a census of all
//! clients, and the size of the database.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// The interval of the measurements.
const INTERVAL: Duration = Duration::from_mins(1);

pub(super) async fn measure(app: Arc<App>) {
    loop {
        let counted = app.clone();
        let counting = tokio::task::spawn_blocking(move || {
            let warn_before = counted.services.config.secrets.warn_before;
            counted.directory.count_clients(counted.services.clock.now(), warn_before);
        });
        // A panic is logged, and the previous figures stay.
        let _ = counting.await;
        // `follow` logs an unavailable database.
        if let Ok(bytes) = app.services.store.size().await {
            app.services.store.metrics.note_size(bytes);
        }
        if let Err(error) = app.count_outdated_seals().await {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "the seals of the database cannot be counted now");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
