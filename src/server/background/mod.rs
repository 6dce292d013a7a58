//! Background tasks. Each one runs under supervision as long as the server (D25).

mod audit;
mod audit_delivery;
mod backup;
mod certificate;
mod clock;
mod database_health;
mod delivery;
mod expiring_secrets;
mod follow;
mod measure;
mod notifications;
mod remote_keys;
mod snapshot;
mod supervisor;

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use crate::admin::signing_key::rotation::RotationPolicy;
use crate::admin::{grant_request, secret, signing_key};
use crate::app::App;
use crate::config::Location;
use crate::model::usage::WRITE_INTERVAL_SECONDS;
use crate::server::tls::Tls;
use crate::services::Services;
use crate::services::audit_delivery::release;
use crate::services::database_match::DatabaseMatch;
use crate::store::StoreError;

/// The interval of checking for due signing keys.
const ROTATION_INTERVAL: Duration = Duration::from_secs(30);

/// The interval of writing usage statistics. A killed process loses at most this much of them.
const USAGE_INTERVAL: Duration = Duration::from_secs(WRITE_INTERVAL_SECONDS.unsigned_abs());

/// The interval of checking for unused secrets that must end.
const UNUSED_INTERVAL: Duration = Duration::from_secs(15);

/// The interval of writing rejections. An operator may look one up soon after it happened.
const REJECTIONS_INTERVAL: Duration = Duration::from_secs(1);

/// The interval of storing client assertions that were accepted while the database was unavailable.
const ASSERTIONS_INTERVAL: Duration = Duration::from_secs(1);

/// The interval of deleting expired rows.
const PURGE_INTERVAL: Duration = Duration::from_mins(1);

/// The interval of checking for a due checkpoint of the audit log.
const CHECKPOINT_INTERVAL: Duration = Duration::from_mins(1);

/// The interval of checking for events beyond the retention.
const RETENTION_INTERVAL: Duration = Duration::from_mins(10);

/// Starts all background tasks.
pub(super) fn start(app: &Arc<App>, tls: Option<&Arc<Tls>>) -> JoinSet<()> {
    let mut tasks = Tasks { app: app.clone(), running: JoinSet::new() };
    tasks.supervise("follow_changes", follow::follow);
    tasks.supervise("watch_database", database_health::watch_database);
    tasks.supervise("watch_clock", clock::watch_clock);
    tasks.every(ROTATION_INTERVAL, "rotate_signing_keys", rotate_signing_keys);
    tasks.every(USAGE_INTERVAL, "write_usage", write_usage);
    tasks.every(USAGE_INTERVAL, "write_key_set_readers", write_key_set_readers);
    tasks.every(REJECTIONS_INTERVAL, "write_rejections", write_rejections);
    tasks.every(ASSERTIONS_INTERVAL, "write_assertions", write_assertions);
    tasks.every(PURGE_INTERVAL, "purge_expired", purge_expired);
    tasks.every(PURGE_INTERVAL, "end_grant_requests", end_grant_requests);
    tasks.every(UNUSED_INTERVAL, "end_unused_secrets", end_unused_secrets);
    tasks.supervise_in_database(
        "warn_of_expiring_secrets",
        expiring_secrets::warn_of_expiring_secrets,
    );
    tasks.supervise("measure", measure::measure);
    tasks.supervise_in_database("send_notifications", notifications::send_notifications);
    tasks.supervise_in_database("deliver_audit_events", audit_delivery::deliver_audit_events);
    tasks.supervise("fetch_key_sets", remote_keys::fetch_key_sets);
    if app.services.config.backup.schedule.is_some() {
        tasks.supervise_in_database("make_backups", backup::make_backups);
    }
    if app.services.config.snapshot.enabled {
        tasks.supervise("write_snapshots", snapshot::write_snapshots);
    }
    if app.services.config.audit.checkpoint_interval.is_some() {
        tasks.every(CHECKPOINT_INTERVAL, "sign_audit_checkpoints", audit::sign_checkpoint);
    }
    if app.services.config.audit.retention.is_some() {
        tasks.every(RETENTION_INTERVAL, "remove_old_audit_events", audit::remove_old_events);
    }
    if let Some(tls) = tls.cloned() {
        tasks.supervise("renew_certificate", move |_| certificate::renew(tls.clone()));
    }
    tasks.running
}

/// Writes all state that would be lost when the process ends, and the snapshot for the next start.
pub(super) async fn flush(app: &Arc<App>) {
    let mut has_heartbeat = false;
    if app.database.is_known() {
        write_rejections(app.clone()).await;
        write_key_set_readers(app.clone()).await;
        write_assertions(app.clone()).await;
        if let Some(sink) = &app.services.config.audit.sink {
            // If the database is unavailable, the lease expires.
            let _ = release(&app.services, sink).await;
        }
        let last_heartbeat = write_last_usage(app).await;
        has_heartbeat = matches!(last_heartbeat, Ok(LastHeartbeat::Kept));
        if let Err(error) = last_heartbeat {
            tracing::warn!(
                error = &error as &dyn Error,
                "the last usage statistics cannot be written; no secret ends early until \
                 directory.max_staleness has passed"
            );
        }
    }
    if app.services.config.snapshot.enabled {
        snapshot::write_last(app, has_heartbeat).await;
    }
}

/// State of the last heartbeat of a server that stops.
enum LastHeartbeat {
    /// Removed: no other instance waits for this one before it ends an unused secret.
    Removed,
    /// Kept: the snapshot may start a server that does not reach the others.
    Kept,
}

async fn write_last_usage(app: &App) -> Result<LastHeartbeat, StoreError> {
    app.write_usage().await?;
    let Services { store, config, instance, clock, .. } = &*app.services;
    if config.snapshot.enabled && matches!(config.database.location, Location::Postgres(_)) {
        store.note_stop(instance, store.time(clock).await?).await?;
        return Ok(LastHeartbeat::Kept);
    }
    store.remove_heartbeat(instance).await?;
    Ok(LastHeartbeat::Removed)
}

type BoxedTask = Box<dyn Fn(Arc<App>) -> BoxFuture<'static, ()> + Send + Sync>;

struct Tasks {
    app: Arc<App>,
    running: JoinSet<()>,
}

impl Tasks {
    /// Supervises a task that never ends by itself.
    fn supervise<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        name: &'static str,
        task: impl Fn(Arc<App>) -> F + Send + Sync + 'static,
    ) {
        self.supervise_boxed(name, Box::new(move |app| task(app).boxed()));
    }

    /// Boxed: all tasks have one type, so that their supervision is compiled once.
    fn supervise_boxed(&mut self, name: &'static str, task: BoxedTask) {
        let app = self.app.clone();
        self.running.spawn(async move {
            let start = || task(app.clone());
            supervisor::supervise(name, &app.background, &app.services.clock, start).await;
        });
    }

    /// Like `supervise`, for a task that uses the database. It starts once the database is
    /// identified.
    fn supervise_in_database<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        name: &'static str,
        task: impl Fn(Arc<App>) -> F + Clone + Send + Sync + 'static,
    ) {
        self.supervise(name, move |app| {
            let task = task.clone();
            async move {
                app.database.until(DatabaseMatch::Same).await;
                task(app).await;
            }
        });
    }

    /// Repeats a task that uses the database, with a pause of `interval` before each run.
    fn every<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        interval: Duration,
        name: &'static str,
        task: impl Fn(Arc<App>) -> F + Clone + Send + Sync + 'static,
    ) {
        self.supervise_in_database(name, move |app| {
            let task = task.clone();
            async move {
                loop {
                    tokio::time::sleep(interval).await;
                    task(app.clone()).await;
                }
            }
        });
    }
}

async fn rotate_signing_keys(app: Arc<App>) {
    if let Err(error) =
        signing_key::rotation::rotate_due_keys(&app, RotationPolicy::CreateAndRetire).await
    {
        tracing::warn!(
            error = &error as &dyn Error,
            "the signing keys cannot be rotated; the next attempt follows"
        );
    }
}

async fn write_usage(app: Arc<App>) {
    if let Err(error) = app.write_usage().await {
        tracing::warn!(
            error = &error as &dyn Error,
            "usage statistics cannot be written; the next interval writes them"
        );
    }
}

async fn write_key_set_readers(app: Arc<App>) {
    if let Err(error) = app.write_key_set_readers().await {
        tracing::debug!(
            error = &error as &dyn Error,
            "readers of the key set cannot be written; the next interval writes them"
        );
    }
}

async fn write_assertions(app: Arc<App>) {
    if app.database.is_unavailable() {
        return;
    }
    if let Err(error) = app.write_assertions().await {
        let error = &error as &dyn Error;
        tracing::warn!(error, "client assertions of an outage cannot be stored; trying again");
    }
}

async fn write_rejections(app: Arc<App>) {
    if let Err(error) = app.write_rejections().await {
        tracing::debug!(
            error = &error as &dyn Error,
            "rejections cannot be written to the database now; they are in this log"
        );
    }
}

async fn end_grant_requests(app: Arc<App>) {
    if let Err(error) = grant_request::expire_due(&app.services).await {
        tracing::warn!(
            error = &error as &dyn Error,
            "grant requests that are due cannot be ended; the next attempt is in a minute"
        );
    }
}

async fn end_unused_secrets(app: Arc<App>) {
    match secret::life::end_unused(&app.services).await {
        Ok(0) => {}
        Ok(secrets) => tracing::info!(secrets, "replaced secrets that are unused were ended"),
        Err(error) => tracing::warn!(
            error = &error as &dyn Error,
            "unused secrets cannot be ended; the next interval tries again"
        ),
    }
}

async fn purge_expired(app: Arc<App>) {
    if let Err(error) = app.purge_expired().await {
        tracing::warn!(
            error = &error as &dyn Error,
            "expired rows cannot be deleted; the next attempt is in a minute"
        );
    }
}
