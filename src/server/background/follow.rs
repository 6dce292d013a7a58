//! Follows the changes of other instances: at once by notification, and by polling.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::directory::DirectoryError;
use crate::store::feed::ChangeListener;

/// How long to wait after a lost connection of the listener, so that a database that refuses is not
/// asked all the time.
const AFTER_LOSS: Duration = Duration::from_millis(200);

/// Follows the events for as long as the server runs: when the database notifies, and every
/// `directory.poll_interval`.
pub(super) async fn follow(app: Arc<App>) {
    let mut listener: Option<ChangeListener> = None;
    let mut was_away = false;
    let mut woken = Woken::Time;
    loop {
        if listener.is_none() {
            listener = app.services.store.change_listener().await.ok();
        }
        let caught_up = app.catch_up().await;
        let is_away = note(&caught_up, was_away);
        // A listener that missed a change is replaced, and so is one of a database that was away:
        // its connection may be dead without an error.
        let has_missed = matches!(caught_up, Ok(true)) && woken == Woken::Time;
        let is_back = was_away && !is_away;
        was_away = is_away;
        if has_missed || is_back {
            listener = None;
            woken = Woken::Notified;
            continue;
        }
        woken = wait(&app, listener.as_mut()).await;
        if woken == Woken::Loss {
            listener = None;
            tokio::time::sleep(AFTER_LOSS).await;
        }
    }
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// A notification.
    Notified,
    /// The poll interval.
    Time,
    /// the loss of the listener's connection.
    Loss,
}

/// Logs when following fails and when it works again; true if the database is away.
fn note(caught_up: &Result<bool, DirectoryError>, was_away: bool) -> bool {
    match caught_up {
        Ok(_) => {
            if was_away {
                tracing::info!("the database is back");
            }
            false
        }
        Err(error) => {
            if !was_away {
                let error = error as &dyn std::error::Error;
                tracing::error!(error, "changes cannot be followed: tokens are issued from memory");
            }
            true
        }
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
        Ok(Err(_)) => Woken::Loss,
        Err(_) => Woken::Time,
    }
}
