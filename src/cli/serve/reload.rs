//! SIGHUP: the settings are read again while the server runs. Those that can be taken over are, all
//! or none; the log says what has changed, and what needs a restart. Nothing that SIGHUP does ends
//! the server.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::error::CliError;
use crate::config::live::LIVE_KEYS;
use crate::config::sources::{Flags, Settings};
use crate::config::{Config, Requirement};
use crate::server::{PreparedReload, Reloader, service_manager};
use crate::telemetry::LogLevel;

/// The setting that decides which of these lines are seen.
const LOG_LEVEL: &str = "log.level";

/// Settings, as layers and as values.
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) config: Config,
}

impl Loaded {
    /// Reads the settings of a server.
    pub(crate) fn read(flags: &Flags, environment: &[(String, String)]) -> Result<Self, CliError> {
        let settings = Settings::gather(flags, environment)?;
        let config = Config::from_settings(&settings, Requirement::Issuer)?;
        Ok(Self { settings, config })
    }
}

/// Receives SIGHUP. From its creation on, the signal does not end the process.
pub(crate) struct Hangup(Signal);

impl Hangup {
    /// Installs the handler; needs a runtime.
    pub(crate) fn install() -> Result<Self, CliError> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Reloads the settings by `read` at each SIGHUP, also at one that came before this call: while
    /// the server started.
    pub(crate) async fn reload_settings<F>(mut self, mut running: Running, read: F)
    where
        F: Fn() -> Result<Loaded, CliError> + Clone + Send + 'static,
    {
        while self.0.recv().await.is_some() {
            service_manager::notify_reloading();
            let (read, server) = (read.clone(), running.server.clone());
            // Files are read, which may take a while.
            match tokio::task::spawn_blocking(move || New::read(&read, &server)).await {
                Ok(Ok(new)) => running.take_over(new),
                Ok(Err(problem)) => reject(&problem),
                Err(error) => reject(&error.to_string()),
            }
            service_manager::notify_reloaded();
        }
    }
}

fn reject(problem: &str) {
    tracing::error!(problem, "SIGHUP: the settings are not valid, so nothing was changed");
}

/// New settings that are valid as a whole, with the files that they name.
struct New {
    settings: Settings,
    log_level: String,
    has_tls: bool,
    prepared: PreparedReload,
}

impl New {
    fn read(
        read: impl Fn() -> Result<Loaded, CliError>,
        server: &Reloader,
    ) -> Result<Self, String> {
        let Loaded { settings, config } = read().map_err(|error| error.text().to_owned())?;
        let (log_level, has_tls) = (config.log.level.clone(), config.tls.is_some());
        Ok(Self { settings, log_level, has_tls, prepared: server.prepare(config)? })
    }
}

/// What the process runs with.
pub(crate) struct Running {
    /// The settings at the start.
    started_with: Settings,
    /// The values of those that were taken over since, or could be.
    live: BTreeMap<&'static str, String>,
    level: LogLevel,
    server: Arc<Reloader>,
}

/// A setting that has changed.
struct Change {
    setting: &'static str,
    old: String,
    new: String,
}

impl Running {
    /// What a server runs with that has just started.
    pub(crate) fn new(started_with: Settings, level: LogLevel, server: Reloader) -> Self {
        let live = LIVE_KEYS.map(|key| (key, started_with.text(key))).into();
        Self { started_with, live, level, server: Arc::new(server) }
    }

    /// Takes over what can be, and says what has changed.
    fn take_over(&mut self, new: New) {
        let New { settings, log_level, has_tls, prepared } = new;
        let keeps_tls = has_tls && self.server.has_tls();
        let is_live =
            |key: &&str| LIVE_KEYS.contains(key) && (keeps_tls || !key.starts_with("tls."));
        let mut for_restart = self.started_with.changed_keys(&settings);
        for_restart.retain(|key| !is_live(key));
        if !for_restart.is_empty() {
            let settings = for_restart.join(", ");
            tracing::warn!(settings, "SIGHUP: these settings have changed and need a restart");
        }
        let changes = self.changes(&settings, is_live);
        let has_new_certificate = self.server.apply(prepared);
        self.tell(&changes, &log_level);
        if has_new_certificate {
            tracing::info!("new connections see the renewed certificate of tls.certificate");
        }
        if for_restart.is_empty() && changes.is_empty() && !has_new_certificate {
            tracing::info!("SIGHUP: no setting has changed");
        }
        for Change { setting, new, .. } in changes {
            self.live.insert(setting, new);
        }
    }

    /// The settings that are taken over.
    fn changes(&self, settings: &Settings, is_live: impl Fn(&&str) -> bool) -> Vec<Change> {
        let live = self.live.iter().filter(|(key, _)| is_live(key));
        live.map(|(key, old)| Change { setting: key, old: old.clone(), new: settings.text(key) })
            .filter(|change| change.old != change.new)
            .collect()
    }

    /// Applies the level of the log, and says what has changed under the more verbose one of the
    /// two levels.
    fn tell(&self, changes: &[Change], log_level: &str) {
        let tell = || {
            for Change { setting, old, new } in changes {
                tracing::warn!(setting, old, new, "SIGHUP: a setting is applied");
            }
        };
        let is_heard = tracing::enabled!(tracing::Level::WARN);
        if is_heard {
            tell();
        }
        let has_new_level = changes.iter().any(|change| change.setting == LOG_LEVEL);
        if has_new_level && let Err(problem) = self.level.set(log_level) {
            tracing::error!(problem, "SIGHUP: log.level cannot be applied");
        }
        if !is_heard {
            tell();
        }
    }
}
