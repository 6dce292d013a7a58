//! Makes backups as `backup.schedule` says.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::admin::backup::{BackupError, schedule};
use crate::app::App;

/// How often to look whether a backup is due. One that failed is tried again after this time.
const INTERVAL: Duration = Duration::from_mins(1);

/// Makes backups for as long as the server runs.
pub(super) async fn make_backups(app: Arc<App>) {
    loop {
        if let Err(error) = make_backup(&app).await {
            tracing::warn!(
                error = &error as &dyn Error,
                "a backup cannot be made; the next attempt is in a minute"
            );
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn make_backup(app: &App) -> Result<(), BackupError> {
    let made = Box::pin(schedule::create_if_due(&app.services)).await;
    // The newest one is known also if another one cannot be made.
    let newest = schedule::newest(&app.services.config.backup.dir)?;
    app.backed_up_at.store(newest.map_or(0, |newest| newest.0), Ordering::Relaxed);
    if let Some(made) = made? {
        let manifest = made.manifest;
        tracing::info!(id = manifest.id, sequence = manifest.sequence, "a backup was made");
    }
    Ok(())
}
