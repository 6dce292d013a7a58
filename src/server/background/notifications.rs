//! Sends notifications: soon after each event, and again after a failure.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::app::App;
use crate::config::Webhook;
use crate::services::notifications::{self, Backlog};

/// How often to look for events while some wait.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// How often to look while none waits; a new event is noticed earlier.
const IDLE_INTERVAL: Duration = Duration::from_mins(1);

/// How long to wait after each look: many events may come at once.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

/// Sends notifications for as long as the server runs. A receiver that hangs delays only its own.
pub(super) async fn send_notifications(app: Arc<App>) {
    let webhooks = &app.services.config.notifications.webhooks;
    if webhooks.is_empty() {
        return std::future::pending().await;
    }
    join_all(webhooks.iter().map(|webhook| send_to(&app, webhook))).await;
}

async fn send_to(app: &App, webhook: &Webhook) {
    let mut progress = app.directory.progress();
    loop {
        progress.borrow_and_update();
        let interval = match notifications::deliver(&app.services, webhook).await {
            Ok(Backlog::Empty) => IDLE_INTERVAL,
            Ok(Backlog::More) => Duration::ZERO,
            // That the database is away is said where changes are followed.
            Ok(Backlog::Waiting) | Err(_) => RETRY_INTERVAL,
        };
        tokio::time::sleep(MIN_INTERVAL).await;
        tokio::select! {
            _ = progress.changed() => {}
            () = tokio::time::sleep(interval) => {}
        }
    }
}
