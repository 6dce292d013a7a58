//! Sends notifications: soon after each event, and again after a failure.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::app::App;
use crate::server::background::delivery::{Pace, deliver_repeatedly};
use crate::services::notifications;

const PACE: Pace = Pace {
    while_idle: Duration::from_mins(1),
    after_each: Duration::from_millis(200),
    while_more: Duration::from_millis(200),
};

/// Runs as long as the server. A receiver that hangs delays only its own notifications.
pub(super) async fn send_notifications(app: Arc<App>) {
    let webhooks = &app.services.config.notifications.webhooks;
    if webhooks.is_empty() {
        return std::future::pending().await;
    }
    let app = &app;
    join_all(webhooks.iter().map(|webhook| {
        deliver_repeatedly(app, "send_notifications", PACE, move || {
            notifications::deliver(&app.services, webhook)
        })
    }))
    .await;
}
