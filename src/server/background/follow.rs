//! Follows the changes of other instances, by notification and by polling.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::directory::DirectoryError;
use crate::services::database_match::DatabaseMatch;
use crate::store::events::change_listener::ChangeListener;
use crate::{server, telemetry};

/// The pause after the listener has lost its connection, so that a database that rejects
/// connections is not flooded.
const RECONNECT_DELAY: Duration = Duration::from_millis(200);

/// Follows the events as long as the server runs: on each notification of the database, and every
/// `directory.poll_interval`.
pub(super) async fn follow(app: Arc<App>) {
    let mut listener: Option<ChangeListener> = None;
    let mut had_failed = !app.database.is_known();
    let mut woken = Woken::Interval;
    if had_failed {
        wait_for_database(&app).await;
    }
    loop {
        if listener.is_none() {
            listener = app.services.store.change_listener().await.ok();
        }
        let caught_up = app.catch_up().await;
        log_result(&caught_up, had_failed);
        // A listener that missed a change is replaced. So is one after a failure, because its
        // connection may be dead without an error.
        let has_missed = matches!(caught_up, Ok(true)) && woken == Woken::Interval;
        let has_recovered = had_failed && caught_up.is_ok();
        had_failed = caught_up.is_err();
        if has_missed || has_recovered {
            listener = None;
            woken = Woken::Replaced;
            continue;
        }
        woken = wait(&app, listener.as_mut()).await;
        if woken == Woken::ConnectionLost {
            listener = None;
            tokio::time::sleep(RECONNECT_DELAY).await;
        }
    }
}

/// Waits until a database that was unavailable at startup is available, and performs the deferred
/// steps. If it is another database, the server ends.
async fn wait_for_database(app: &App) {
    let mut logged = String::new();
    while let Err(error) = app.match_database().await {
        // The outage was logged at startup.
        let problem = telemetry::with_causes(&error);
        if !error.is_database_unavailable() && problem != logged {
            tracing::error!(problem, "the database is back and cannot be used");
            logged = problem;
        }
        tokio::time::sleep(app.services.config.directory.poll_interval).await;
    }
    app.database.until(DatabaseMatch::Same).await;
    if let Err(error) = server::prepare_database(app).await {
        let error = &error as &dyn Error;
        tracing::warn!(
            error,
            "a step that the start deferred has failed; background tasks try it again"
        );
    }
}

/// Reason for reading the changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// A notification.
    Notified,
    /// The poll interval.
    Interval,
    /// The loss of the listener's connection.
    ConnectionLost,
    /// The listener was replaced.
    Replaced,
}

/// Logs when following fails and when it recovers.
fn log_result(caught_up: &Result<bool, DirectoryError>, had_failed: bool) {
    match caught_up {
        Ok(_) if had_failed => tracing::info!("changes are followed again"),
        Err(error) if !had_failed => {
            let error = error as &dyn Error;
            tracing::error!(error, "changes cannot be followed: tokens are issued from memory");
        }
        _ => {}
    }
}

/// Waits for a notification or the poll interval.
async fn wait(app: &App, listener: Option<&mut ChangeListener>) -> Woken {
    let notification = async {
        match listener {
            Some(listener) => listener.notified().await,
            None => std::future::pending().await,
        }
    };
    let interval = app.services.config.directory.poll_interval;
    match tokio::time::timeout(interval, notification).await {
        Ok(Ok(())) => Woken::Notified,
        Ok(Err(_)) => Woken::ConnectionLost,
        Err(_) => Woken::Interval,
    }
}
