//! The snapshot of a running server: its location, when it is written, and how a start restores it.

use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::app::last_time::LastTime;
use crate::app::{App, outage_assertions};
use crate::config::Config;
use crate::directory::Directory;
use crate::directory::snapshot::{
    self, Beginning, Pace, Restored, SnapshotError, SnapshotFile, StoppedState,
};
use crate::files;
use crate::keys::seal::MasterKeys;
use crate::model::time::Clock;
use crate::services::Services;
use crate::services::atomic_file::AtomicFile;

/// The file name in `data_dir`.
pub const FILE_NAME: &str = "tokend.snapshot";

/// Occasion on which a snapshot is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The server is running and issues tokens meanwhile.
    Interval,
    /// The server stops.
    Stop {
        /// True if the last heartbeat of the instance stays in the database.
        has_heartbeat: bool,
    },
}

/// The size of the buffer between the seal and the file.
const BUFFER_BYTES: usize = 1 << 17;

/// Status of the snapshots of this process.
#[derive(Debug, Default)]
pub struct SnapshotStatus {
    /// The time of the newest snapshot.
    pub written_at: LastTime,
    bytes: AtomicU64,
    failures: AtomicU64,
}

impl SnapshotStatus {
    /// Returns the size of the newest snapshot in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns the number of failed snapshots.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// Returns the path of a server's snapshot.
pub fn path(config: &Config) -> PathBuf {
    config.data_dir.join(FILE_NAME)
}

impl App {
    /// Writes the directory to the snapshot file, and returns the sequence of its last event. The
    /// file is replaced once the new one is complete.
    ///
    /// # Errors
    /// If the operating system fails, and [`SnapshotError::Reloading`]. The old file is then
    /// unchanged.
    pub async fn write_snapshot(
        self: &Arc<Self>,
        occasion: Occasion,
    ) -> Result<i64, SnapshotError> {
        let written = self.write_file(occasion).await;
        let status = &self.snapshot;
        match &written {
            Ok((_, bytes)) => {
                status.bytes.store(*bytes, Ordering::Relaxed);
                status.written_at.set(Some(self.services.clock.now()));
            }
            Err(_) => {
                status.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        written.map(|(sequence, _)| sequence)
    }

    async fn write_file(self: &Arc<Self>, occasion: Occasion) -> Result<(i64, u64), SnapshotError> {
        let beginning = self.directory.begin_snapshot().await?;
        let (app, sequence) = (self.clone(), beginning.sequence());
        let writing = tokio::task::spawn_blocking(move || write(&app, &beginning, occasion));
        let interrupted = |_| Err(io::Error::other("the writing was interrupted").into());
        Ok((sequence, writing.await.unwrap_or_else(interrupted)?))
    }
}

/// Writes the file, and returns its size.
fn write(app: &App, beginning: &Beginning, occasion: Occasion) -> Result<u64, SnapshotError> {
    let Services { config, keys, .. } = &*app.services;
    files::create_private_folder(&config.data_dir)?;
    let (draft, file) = AtomicFile::create(&path(config))?;
    let manifest = beginning.manifest(keys, config.database.location.to_string());
    let output = BufWriter::with_capacity(BUFFER_BYTES, file);
    let (pace, has_heartbeat) = match occasion {
        Occasion::Interval => (Pace::Background, false),
        Occasion::Stop { has_heartbeat } => (Pace::AtOnce, has_heartbeat),
    };
    let stopped_instance = has_heartbeat.then(|| app.services.instance.clone());
    let stopped = StoppedState { assertions: app.assertions_to_keep(), stopped_instance };
    let directory = &app.directory;
    let output = snapshot::write(directory, keys, beginning, &manifest, &stopped, pace, output)?;
    let file = output.into_inner().map_err(|error| SnapshotError::File(error.into_error()))?;
    let bytes = file.metadata()?.len();
    draft.replace(&file)?;
    Ok(bytes)
}

/// Restores the directory and the MAC key from a snapshot of the open database. Also returns the
/// instance that stopped with it. `None` if no snapshot is usable. Everything is then loaded from
/// the database.
pub(super) async fn restore(services: &mut Services) -> Option<(Directory, Option<String>)> {
    if !services.config.snapshot.enabled {
        return None;
    }
    let identity = services.keys.tag_key.database_identity();
    let is_usable = move |file: &SnapshotFile| file.manifest.require_database(&identity);
    let (config, clock) = (services.config.clone(), services.clock.clone());
    let restored = read(config, services.keys.master.clone(), clock, is_usable).await;
    match restored {
        Ok(Some(Restored { directory, verification_cache_key, stopped, .. })) => {
            services.keys.verification_cache_key = verification_cache_key;
            let now = services.clock.now();
            outage_assertions::remember(&services.assertions, stopped.assertions, now);
            Some((directory, stopped.stopped_instance))
        }
        Ok(None) => None,
        Err(problem) => {
            tracing::warn!(
                %problem,
                "the snapshot is not used: everything is loaded from the database"
            );
            None
        }
    }
}

/// Reads the snapshot file, if it exists and is usable.
pub(super) async fn read(
    config: Config,
    master: Arc<MasterKeys>,
    clock: Clock,
    is_usable: impl FnOnce(&SnapshotFile) -> Result<(), SnapshotError> + Send + 'static,
) -> Result<Option<Restored>, SnapshotError> {
    let reading = tokio::task::spawn_blocking(move || {
        let Some(file) = SnapshotFile::open(&path(&config), &master)? else { return Ok(None) };
        is_usable(&file)?;
        let (keep_seconds, per_client) = (config.keep_seconds(), config.metrics.per_client);
        snapshot::read(file, &master, keep_seconds, per_client, &clock).map(Some)
    });
    let interrupted = |_| Err(io::Error::other("the reading was interrupted").into());
    reading.await.unwrap_or_else(interrupted)
}
