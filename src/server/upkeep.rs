//! What goes on in the background: following the changes of others, making signing keys in time,
//! and writing the usage statistics.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::signing_key;
use crate::app::App;
use crate::directory::DirectoryError;
use crate::model::signing_key::Algorithm;
use crate::server::ServeError;
use crate::server::tls::Tls;
use crate::store::feed::ChangeListener;

/// How often it is looked whether a signing key is due.
const KEYS_INTERVAL: Duration = Duration::from_secs(30);

/// How often the usage statistics are written: so much of it is lost when the process is killed.
const USAGE_INTERVAL: Duration = Duration::from_secs(15);

/// How often rejections are written.
const REJECTIONS_INTERVAL: Duration = Duration::from_secs(1);

/// How often it is looked for what can be forgotten.
const PURGE_INTERVAL: Duration = Duration::from_mins(1);

/// How often it is looked whether the server's certificate has been renewed.
const CERTIFICATE_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait after a lost bell, so that a database that refuses is not asked all the time.
const AFTER_LOSS: Duration = Duration::from_millis(200);

/// Follows the events for ever: at once when the bell rings, and by itself every
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
        // A bell that did not ring although there was something is as good as lost, and so is one
        // of a database that was away: its connection may be dead without anybody having said so.
        let is_deaf = matches!(caught_up, Ok(true)) && woken == Woken::Time;
        let is_back = was_away && !is_away;
        was_away = is_away;
        if is_deaf || is_back {
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

/// What ended a wait: woken by …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// the bell;
    Notified,
    /// the time to look by oneself;
    Time,
    /// the loss of the listener's connection.
    Loss,
}

/// Says in the log when following fails and when it works again; true if the database is away.
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

/// Waits for the bell or for the time to look by oneself.
async fn wait(app: &App, listener: Option<&mut ChangeListener>) -> Woken {
    let rung = async {
        match listener {
            Some(listener) => listener.notified().await,
            None => std::future::pending().await,
        }
    };
    let interval = app.services.config.directory.poll_interval;
    match tokio::time::timeout(interval, rung).await {
        Ok(Ok(())) => Woken::Notified,
        Ok(Err(_)) => Woken::Loss,
        Err(_) => Woken::Time,
    }
}

/// Takes a renewed certificate for ever. Two files that do not fit are most likely about to be
/// written: so that is said only when it stays so.
pub(super) async fn renew_certificate(tls: Arc<Tls>) {
    let mut failures = 0;
    loop {
        tokio::time::sleep(CERTIFICATE_INTERVAL).await;
        let reading = tls.clone();
        match tokio::task::spawn_blocking(move || reading.renew()).await {
            Ok(Ok(is_new)) => {
                failures = 0;
                if is_new {
                    tracing::info!(
                        "new connections see the renewed certificate of tls.certificate"
                    );
                }
            }
            Ok(Err(error)) => {
                failures += 1;
                if failures == 2 {
                    tracing::error!(error, "the certificate cannot be renewed: the old one stays");
                }
            }
            // The reading panicked; the supervisor says so and starts again.
            Err(_) => return,
        }
    }
}

/// Writes the usage statistics for ever.
pub(super) async fn write_usage_task(app: Arc<App>) {
    loop {
        tokio::time::sleep(USAGE_INTERVAL).await;
        write_usage(&app).await;
    }
}

/// Writes the usage statistics once, or says why it has to wait.
pub(super) async fn write_usage(app: &App) {
    if let Err(error) = app.write_usage().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "usage statistics cannot be written; the next interval writes them"
        );
    }
}

/// Writes rejections for ever, soon after they happened: somebody may be about to ask for one.
pub(super) async fn write_rejections_task(app: Arc<App>) {
    loop {
        tokio::time::sleep(REJECTIONS_INTERVAL).await;
        write_rejections(&app).await;
    }
}

/// Writes the rejections once. Without the database the latest wait for it.
pub(super) async fn write_rejections(app: &App) {
    if let Err(error) = app.write_rejections().await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "rejections cannot be written for tokend explain now; they are in this log"
        );
    }
}

/// Deletes expired rows for ever, every minute.
pub(super) async fn purge_expired(app: Arc<App>) {
    loop {
        tokio::time::sleep(PURGE_INTERVAL).await;
        if let Err(error) = app.purge_expired().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "expired rows cannot be deleted; the next attempt is in a minute"
            );
        }
    }
}

/// Makes signing keys for ever, each when it is due.
pub(super) async fn rotation_task(app: Arc<App>) {
    loop {
        tokio::time::sleep(KEYS_INTERVAL).await;
        if let Err(error) = rotate(&app).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot look after the signing keys; trying again"
            );
        }
    }
}

/// Makes the signing keys that are due now.
pub(super) async fn create_due_keys(app: &App) -> Result<(), ServeError> {
    let known = app.directory.keyring().records().to_vec();
    let made = signing_key::create_due(&app.services, &wanted_algorithms(app), &known).await?;
    if !made.is_empty() {
        app.catch_up().await?;
    }
    Ok(())
}

/// The same, and retires the keys that no instance wants any more.
pub(super) async fn rotate(app: &App) -> Result<(), ServeError> {
    let known = app.directory.keyring().records().to_vec();
    signing_key::note_wanted(&app.services, &wanted_algorithms(app), &known).await?;
    create_due_keys(app).await?;
    let known = app.directory.keyring().records().to_vec();
    let wanted = wanted_algorithms(app);
    let retired = signing_key::retire_unwanted(&app.services, &wanted, &known).await?;
    if !retired.is_empty() {
        app.catch_up().await?;
    }
    Ok(())
}

/// The server's algorithm and those that resources ask for.
fn wanted_algorithms(app: &App) -> Vec<Algorithm> {
    let mut algorithms = BTreeSet::from([app.services.config.token.algorithm]);
    let resources = app.directory.resources();
    algorithms.extend(resources.values().filter_map(|resource| resource.signing_algorithm));
    algorithms.into_iter().collect()
}
