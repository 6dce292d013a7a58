//! Maintains the audit log: signs its checkpoints, and removes events beyond the retention.

use std::error::Error;
use std::sync::Arc;

use crate::admin::{AdminError, Conflict, audit};
use crate::app::App;

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
    match app.services.store.last_checkpoint_at().await {
        Ok(signed_at) => app.checkpointed_at.set(signed_at),
        // `follow` logs an unavailable database.
        Err(error) if error.is_unavailable() => {}
        Err(error) => tracing::warn!(
            error = &error as &dyn Error,
            "the time of the last checkpoint cannot be read; the next attempt is in a minute"
        ),
    }
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
