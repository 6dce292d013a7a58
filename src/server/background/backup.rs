//! Creates backups according to `backup.schedule`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::backup::{BackupError, schedule};
use crate::app::App;

/// The interval of checking for a due backup. A failed backup is retried after this time.
const INTERVAL: Duration = Duration::from_mins(1);

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
    // The time of the newest backup is updated even if a new one fails.
    let newest = schedule::newest(&app.services.config.backup.dir)?;
    app.backed_up_at.set(newest);
    if let Some(made) = made? {
        let manifest = made.manifest;
        tracing::info!(id = manifest.id, sequence = manifest.sequence, "a backup was made");
    }
    Ok(())
}
