//! Delivers the audit log as `audit.sink` says: soon after each event, and again after a failure.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::config::AuditSink;
use crate::services::audit_delivery;
use crate::services::notifications::Backlog;

/// How often to look for events while some wait.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// How often to look while none waits; a new event is noticed earlier.
const IDLE_INTERVAL: Duration = Duration::from_secs(30);

/// How long to wait after each look: many events may come at once.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// Delivers for as long as the server runs.
pub(super) async fn deliver_audit_events(app: Arc<App>) {
    let Some(sink) = &app.services.config.audit.sink else {
        return std::future::pending().await;
    };
    deliver_to(&app, sink).await;
}

async fn deliver_to(app: &App, sink: &AuditSink) {
    let mut progress = app.directory.progress();
    loop {
        progress.borrow_and_update();
        let interval = match audit_delivery::deliver(&app.services, sink).await {
            Ok(delivery) => {
                app.audit_delivery.note(&delivery);
                match delivery.backlog {
                    Backlog::Empty => IDLE_INTERVAL,
                    Backlog::More => Duration::ZERO,
                    Backlog::Waiting => RETRY_INTERVAL,
                }
            }
            // That the database is away is said where changes are followed.
            Err(_) => RETRY_INTERVAL,
        };
        if interval.is_zero() {
            continue;
        }
        tokio::time::sleep(MIN_INTERVAL).await;
        tokio::select! {
            _ = progress.changed() => {}
            () = tokio::time::sleep(interval) => {}
        }
    }
}
