//! Maintains the audit log: signs its checkpoints, and removes events beyond the retention.

use std::error::Error;
use std::sync::Arc;

use crate::admin::{AdminError, Conflict, audit};
use crate::app::App;
use crate::store::StoreError;

/// Signs a checkpoint if it is due, and records the time of the last one for metrics.
pub(super) async fn sign_checkpoint(app: Arc<App>) {
    let signed = audit::checkpoint::create_if_due(&app.services, app.issuer.as_str()).await;
    match signed {
        Ok(None) => {}
        Ok(Some(checkpoint)) => {
            let sequence = checkpoint.head.sequence;
            tracing::info!(sequence, "a checkpoint of the audit log was signed");
        }
        Err(AdminError::Conflict(Conflict::AuditLogAltered(sequence))) => log_altered(sequence),
        Err(error) => tracing::warn!(
            error = &error as &dyn Error,
            "a checkpoint of the audit log cannot be signed; the next attempt is in a minute"
        ),
    }
    // `follow` logs an unavailable database.
    let _ = note_last(&app).await;
}

/// Removes events that are older than `audit.retention`.
pub(super) async fn remove_old_events(app: Arc<App>) {
    let removed = audit::retention::remove_old(&app.services, app.issuer.as_str()).await;
    match removed {
        Ok(None) => {}
        Ok(Some(removal)) => {
            let (until, events) = (removal.until, removal.events);
            tracing::info!(until, events, "old events were removed from the audit log");
        }
        Err(AdminError::Conflict(Conflict::AuditLogAltered(sequence))) => log_altered(sequence),
        Err(error) => tracing::warn!(
            error = &error as &dyn Error,
            "old events cannot be removed from the audit log; the next attempt is in ten minutes"
        ),
    }
}

fn log_altered(sequence: i64) {
    tracing::error!(
        sequence,
        "the audit log was altered: events do not fit the chain or a signed checkpoint; verify it"
    );
}

async fn note_last(app: &App) -> Result<(), StoreError> {
    app.checkpointed_at.set(app.services.store.last_checkpoint_at().await?);
    Ok(())
}
