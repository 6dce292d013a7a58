//! Warns before secrets expire: an event for each secret, and a log line at startup, with each new
//! event and once a day.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::{AdminError, secret};
use crate::app::App;
use crate::model::client::ClientState;
use crate::store::clients::list::{ClientFilter, Expiring, Position};

/// The interval of checking for secrets that expire soon.
const INTERVAL: Duration = Duration::from_secs(15);

/// The interval of repeating the log line.
const REPEATED_AFTER: Duration = Duration::from_hours(24);

/// The maximum number of clients that are named.
const MAX_NAMED: u32 = 10;

/// The limit up to which clients are counted.
const COUNT_BOUND: u32 = 10_000;

pub(super) async fn warn_of_expiring_secrets(app: Arc<App>) {
    let mut logged_at = None;
    loop {
        let now = app.services.clock.monotonic();
        let is_due = logged_at.is_none_or(|last| now.since(last) >= REPEATED_AFTER);
        match warn(&app, is_due).await {
            Ok(true) => logged_at = Some(now),
            Ok(false) => {}
            // `follow` logs an unavailable database.
            Err(AdminError::Store(error)) if error.is_unavailable() => {}
            Err(error) => tracing::warn!(
                error = &error as &dyn Error,
                "secrets that expire soon cannot be reported; the next interval tries again"
            ),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Records the warnings that are due. Logs if there were any or if the log line is due. True if the
/// log line is no longer due.
async fn warn(app: &App, is_due: bool) -> Result<bool, AdminError> {
    let recorded = secret::life::record_warnings(&app.services).await?;
    if recorded > 0 || is_due {
        log(app).await?;
        return Ok(true);
    }
    Ok(false)
}

async fn log(app: &App) -> Result<(), AdminError> {
    let store = &app.services.store;
    let now = app.services.clock.now();
    let warn_before = app.services.config.secrets.warn_before;
    let filter = ClientFilter {
        state: Some(ClientState::Active),
        expiring: Some(Expiring { now, until: now.plus(warn_before) }),
        ..ClientFilter::default()
    };
    let first = store.client_page(&filter, &Position::start(), MAX_NAMED).await?.positions;
    if first.is_empty() {
        return Ok(());
    }
    let clients = store.count_clients(&filter, &Position::start(), COUNT_BOUND).await?;
    let first: Vec<&str> = first.iter().map(Position::client_id).collect();
    tracing::warn!(
        clients,
        first = first.join(" "),
        "secrets of clients expire within {warn_before} (secrets.warn_before)"
    );
    Ok(())
}
