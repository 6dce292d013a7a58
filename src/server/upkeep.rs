//! What goes on in the background: following the changes of others, and making signing keys in
//! time.

use std::sync::Arc;
use std::time::Duration;

use crate::admin::signing_key;
use crate::app::App;
use crate::server::ServeError;
use crate::store::StoreError;
use crate::store::feed::Bell;

/// How often it is looked whether a signing key is due.
const KEYS_INTERVAL: Duration = Duration::from_secs(30);

/// How long to wait after a lost bell, so that a database that refuses is not asked all the time.
const AFTER_LOSS: Duration = Duration::from_millis(200);

/// Follows the events for ever: at once when the bell rings, and by itself every
/// `directory.poll_interval`.
pub(super) async fn follow(app: Arc<App>) {
    let mut bell: Option<Bell> = None;
    let mut is_away = false;
    loop {
        if bell.is_none() {
            bell = app.foundation.store.bell().await.ok();
        }
        is_away = catch_up(&app, is_away).await;
        if wait(&app, bell.as_mut()).await.is_err() {
            bell = None;
            tokio::time::sleep(AFTER_LOSS).await;
        }
    }
}

/// Reads the events once; says in the log when the database goes away and when it comes back.
async fn catch_up(app: &App, was_away: bool) -> bool {
    let Err(error) = app.catch_up().await else {
        if was_away {
            tracing::info!("the database is back");
        }
        return false;
    };
    if !was_away {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "the database is away: tokens are issued from memory");
    }
    true
}

/// Waits for the bell or for the time to look by oneself; an error is a bell that is lost.
async fn wait(app: &App, bell: Option<&mut Bell>) -> Result<(), StoreError> {
    let rung = async {
        match bell {
            Some(bell) => bell.ring().await,
            None => std::future::pending().await,
        }
    };
    let interval = app.foundation.config.directory.poll_interval;
    tokio::time::timeout(interval, rung).await.unwrap_or(Ok(()))
}

/// Makes signing keys for ever, each when it is due.
pub(super) async fn keep_keys_coming(app: Arc<App>) {
    loop {
        tokio::time::sleep(KEYS_INTERVAL).await;
        if let Err(error) = keep_keys(&app).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot look after the signing keys; trying again"
            );
        }
    }
}

/// Makes the signing keys that are due now, for the server's algorithm and for those that
/// resources ask for.
pub(super) async fn keep_keys(app: &App) -> Result<(), ServeError> {
    let mut algorithms = vec![app.foundation.config.token.algorithm];
    let resources = app.directory.resources();
    algorithms.extend(resources.values().filter_map(|resource| resource.signing_algorithm));
    algorithms.sort_unstable();
    algorithms.dedup();
    let keyring = app.directory.keyring();
    let made = signing_key::keep_up(&app.foundation, &algorithms, keyring.records()).await?;
    drop(keyring);
    if !made.is_empty() {
        app.catch_up().await?;
    }
    Ok(())
}
