//! What goes on in the background: following the changes of others, making signing keys in time,
//! and writing the ledger.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::admin::signing_key;
use crate::app::App;
use crate::crypto::foreign_key::ForeignKeys;
use crate::directory::{DirectoryError, RemoteKeys, RemoteSource};
use crate::fetch::Fetcher;
use crate::model::signing_key::Algorithm;
use crate::model::trust::ForeignIssuer;
use crate::server::ServeError;
use crate::server::tls::Tls;
use crate::store::feed::Bell;
use crate::telemetry;

/// How often it is looked whether a signing key is due.
const KEYS_INTERVAL: Duration = Duration::from_secs(30);

/// How often the ledger is written: so much of it is lost when the process is killed.
const LEDGER_INTERVAL: Duration = Duration::from_secs(15);

/// How often refusals are written.
const REFUSALS_INTERVAL: Duration = Duration::from_secs(1);

/// For how many seconds refusals are kept: seven days.
const REFUSALS_KEPT_FOR: i64 = 7 * 86_400;

/// How often it is looked for what can be forgotten.
const FORGETTING_INTERVAL: Duration = Duration::from_mins(1);

/// How often it is looked for key sets that have grown old.
const KEY_SETS_INTERVAL: Duration = Duration::from_secs(5);

/// How many key sets are fetched at once.
const FETCHED_AT_ONCE: usize = 8;

/// How often it is looked whether the server's certificate has been renewed.
const CERTIFICATE_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait after a lost bell, so that a database that refuses is not asked all the time.
const AFTER_LOSS: Duration = Duration::from_millis(200);

/// Follows the events for ever: at once when the bell rings, and by itself every
/// `directory.poll_interval`.
pub(super) async fn follow(app: Arc<App>) {
    let mut bell: Option<Bell> = None;
    let mut was_away = false;
    let mut woken = Woken::Time;
    loop {
        if bell.is_none() {
            bell = app.foundation.store.bell().await.ok();
        }
        let caught_up = app.catch_up().await;
        let is_away = note(&caught_up, was_away);
        // A bell that did not ring although there was something is as good as lost, and so is one
        // of a database that was away: its connection may be dead without anybody having said so.
        let is_deaf = matches!(caught_up, Ok(true)) && woken == Woken::Time;
        let is_back = was_away && !is_away;
        was_away = is_away;
        if is_deaf || is_back {
            bell = None;
            woken = Woken::Bell;
            continue;
        }
        woken = wait(&app, bell.as_mut()).await;
        if woken == Woken::Loss {
            bell = None;
            tokio::time::sleep(AFTER_LOSS).await;
        }
    }
}

/// What ended a wait: woken by …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// the bell;
    Bell,
    /// the time to look by oneself;
    Time,
    /// the loss of the bell's connection.
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
async fn wait(app: &App, bell: Option<&mut Bell>) -> Woken {
    let rung = async {
        match bell {
            Some(bell) => bell.ring().await,
            None => std::future::pending().await,
        }
    };
    let interval = app.foundation.config.directory.poll_interval;
    match tokio::time::timeout(interval, rung).await {
        Ok(Ok(())) => Woken::Bell,
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
            // Only a stop of the process takes a blocking task away.
            Err(_) => return,
        }
    }
}

/// Writes the ledger for ever.
pub(super) async fn keep_ledger(app: Arc<App>) {
    loop {
        tokio::time::sleep(LEDGER_INTERVAL).await;
        write_ledger(&app).await;
    }
}

/// Writes the ledger once, or says why it has to wait.
pub(super) async fn write_ledger(app: &App) {
    if let Err(error) = app.write_ledger().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the ledger cannot be written; it is kept for the next time"
        );
    }
}

/// Writes refusals for ever, soon after they happened: somebody may be about to ask for one.
pub(super) async fn keep_refusals(app: Arc<App>) {
    loop {
        tokio::time::sleep(REFUSALS_INTERVAL).await;
        write_refusals(&app).await;
    }
}

/// Writes the refusals once. Without the database the latest wait for it.
pub(super) async fn write_refusals(app: &App) {
    if let Err(error) = app.write_refusals().await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "refusals cannot be written for tokend explain now; they are in this log"
        );
    }
}

/// Forgets for ever what no longer matters, because it would have expired by now anyway.
pub(super) async fn forget(app: Arc<App>) {
    loop {
        tokio::time::sleep(FORGETTING_INTERVAL).await;
        let now = app.foundation.clock.now();
        app.directory.revocations.forget(now);
        let store = &app.foundation.store;
        let forgotten = async {
            store.forget_revocations(now).await?;
            store.forget_assertions(now).await?;
            store.forget_refusals(now.minus_seconds(REFUSALS_KEPT_FOR)).await
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot forget what has expired; trying again"
            );
        }
    }
}

/// Fetches key sets for ever, each when somebody asks for it or it is old.
pub(super) async fn fetch_key_sets(app: Arc<App>) {
    loop {
        let key_sets = &app.directory.key_sets;
        let mut fetching = JoinSet::new();
        for set in key_sets.take_due(app.foundation.clock.now()) {
            let app = app.clone();
            fetching.spawn(async move { fetch_key_set(&app, &set).await });
            if fetching.len() >= FETCHED_AT_ONCE {
                fetching.join_next().await;
            }
        }
        fetching.join_all().await;
        // Who asks wakes us; a set that could not be fetched or grows old does not.
        let _ = tokio::time::timeout(KEY_SETS_INTERVAL, key_sets.asked_for()).await;
    }
}

async fn fetch_key_set(app: &App, set: &RemoteKeys) {
    match fetch_keys(&app.foundation.fetcher, &set.source).await {
        Ok(keys) => set.put(keys, app.foundation.clock.now()),
        Err(problem) => {
            let from = match &set.source {
                RemoteSource::KeySet(uri) => uri.as_str(),
                RemoteSource::Discovered(issuer) => issuer.as_str(),
            };
            tracing::warn!(from, problem, "a key set cannot be fetched");
            set.note_problem(problem);
        }
    }
}

/// Fetches a key set from where it is kept; what stood in the way is told in words.
pub async fn fetch_keys(fetcher: &Fetcher, source: &RemoteSource) -> Result<ForeignKeys, String> {
    let text = match source {
        RemoteSource::KeySet(uri) => fetcher.text(uri.as_str()).await,
        RemoteSource::Discovered(issuer) => {
            fetcher.text(&discovered_uri(fetcher, issuer).await?).await
        }
    };
    ForeignKeys::fetched(&text.map_err(|error| telemetry::with_causes(&error))?)
        .map_err(|error| error.to_string())
}

/// Where the metadata of an issuer says that its keys are (OpenID Connect Discovery, section 4).
/// The metadata must be of that very issuer.
async fn discovered_uri(fetcher: &Fetcher, issuer: &ForeignIssuer) -> Result<String, String> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        issuer: String,
        jwks_uri: String,
    }
    let url = issuer.discovery_url().ok_or("its metadata cannot be at a URL that is not https")?;
    let text = fetcher.text(&url).await.map_err(|error| telemetry::with_causes(&error))?;
    let metadata: Metadata =
        serde_json::from_str(&text).map_err(|_| "its metadata lacks issuer or jwks_uri")?;
    if metadata.issuer != issuer.as_str() {
        return Err("its metadata is of another issuer".to_owned());
    }
    Ok(metadata.jwks_uri)
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

/// Makes the signing keys that are due now.
pub(super) async fn make_keys(app: &App) -> Result<(), ServeError> {
    let known = app.directory.keyring().records().to_vec();
    let made = signing_key::keep_up(&app.foundation, &wanted_algorithms(app), &known).await?;
    if !made.is_empty() {
        app.catch_up().await?;
    }
    Ok(())
}

/// The same, and retires the keys that nobody wants any more.
pub(super) async fn keep_keys(app: &App) -> Result<(), ServeError> {
    make_keys(app).await?;
    let known = app.directory.keyring().records().to_vec();
    let wanted = wanted_algorithms(app);
    let retired = signing_key::retire_unwanted(&app.foundation, &wanted, &known).await?;
    if !retired.is_empty() {
        app.catch_up().await?;
    }
    Ok(())
}

/// The server's algorithm and those that resources ask for.
fn wanted_algorithms(app: &App) -> Vec<Algorithm> {
    let mut algorithms = BTreeSet::from([app.foundation.config.token.algorithm]);
    let resources = app.directory.resources();
    algorithms.extend(resources.values().filter_map(|resource| resource.signing_algorithm));
    algorithms.into_iter().collect()
}
