//! Delivers the audit log to `audit.sink`: soon after each event, and again after a failure.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::server::background::delivery::{Pace, deliver_repeatedly};
use crate::services::audit_delivery;

const PACE: Pace = Pace {
    while_idle: Duration::from_secs(30),
    after_each: Duration::from_millis(100),
    while_more: Duration::ZERO,
};

pub(super) async fn deliver_audit_events(app: Arc<App>) {
    let Some(sink) = &app.services.config.audit.sink else {
        return std::future::pending().await;
    };
    let app = &app;
    deliver_repeatedly(app, "deliver_audit_events", PACE, move || async move {
        let delivery = audit_delivery::deliver(&app.services, sink).await?;
        app.audit_delivery.note(&delivery);
        Ok(delivery.backlog)
    })
    .await;
}
