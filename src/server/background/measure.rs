//! Periodic measurements for metrics that are too expensive for each scrape: a census of all
//! clients, and the size of the database.

use std::error::Error;
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
        match app.services.store.size().await {
            Ok(bytes) => app.services.store.metrics.note_size(bytes),
            // `follow` logs an unavailable database.
            Err(error) if error.is_unavailable() => {}
            Err(error) => tracing::warn!(
                error = &error as &dyn Error,
                "the size of the database cannot be measured; the next attempt is in a minute"
            ),
        }
        if let Err(error) = app.count_outdated_seals().await {
            let error = &error as &dyn Error;
            tracing::debug!(error, "the seals of the database cannot be counted now");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
