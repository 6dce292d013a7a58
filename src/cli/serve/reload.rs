//! Reload on SIGHUP: reads the settings again while the server runs. Live settings are applied
//! together or not at all. The log lists the changes, and the settings that need a restart. SIGHUP
//! never ends the server.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::error::CliError;
use crate::config::live::LIVE_KEYS;
use crate::config::sources::{Flags, Settings};
use crate::config::{Config, Requirement};
use crate::server::{PreparedReload, Reloader, service_manager};
use crate::telemetry::LogLevel;

/// The setting that determines if the log shows the lines below.
const LOG_LEVEL: &str = "log.level";

/// Settings as layers and as parsed values.
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) config: Config,
}

impl Loaded {
    /// Loads the settings of a server.
    pub(crate) fn read(flags: &Flags, environment: &[(String, String)]) -> Result<Self, CliError> {
        let settings = Settings::gather(flags, environment)?;
        let config = Config::from_settings(&settings, Requirement::Issuer)?;
        Ok(Self { settings, config })
    }
}

/// A receiver of SIGHUP. Once it exists, the signal no longer ends the process.
pub(crate) struct Hangup(Signal);

impl Hangup {
    /// Installs the handler. Must be called inside a runtime.
    pub(crate) fn install() -> Result<Self, CliError> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Reloads the settings with `read` on each SIGHUP, including one that was received before this
    /// call.
    pub(crate) async fn reload_settings<F>(mut self, mut running: Running, read: F)
    where
        F: Fn() -> Result<Loaded, CliError> + Clone + Send + 'static,
    {
        while self.0.recv().await.is_some() {
            service_manager::notify_reloading();
            let (read, server) = (read.clone(), running.server.clone());
            // Reading files can block.
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

/// Valid new settings with the files that they name.
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

/// The state that a reload changes.
pub(crate) struct Running {
    started_with: Settings,
    /// The current values of all live settings.
    live: BTreeMap<&'static str, String>,
    level: LogLevel,
    server: Arc<Reloader>,
}

struct Change {
    setting: &'static str,
    old: String,
    new: String,
}

impl Running {
    /// Creates the state of a server that has just started.
    pub(crate) fn new(started_with: Settings, level: LogLevel, server: Reloader) -> Self {
        let live = LIVE_KEYS.map(|key| (key, started_with.text(key))).into();
        Self { started_with, live, level, server: Arc::new(server) }
    }

    /// Applies the live settings and logs the changes.
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
        self.log_changes(&changes, &log_level);
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

    /// Returns the changed live settings.
    fn changes(&self, settings: &Settings, is_live: impl Fn(&&str) -> bool) -> Vec<Change> {
        let live = self.live.iter().filter(|(key, _)| is_live(key));
        live.map(|(key, old)| Change { setting: key, old: old.clone(), new: settings.text(key) })
            .filter(|change| change.old != change.new)
            .collect()
    }

    /// Applies the log level. The changes are logged under the more verbose of the old and the new
    /// level.
    fn log_changes(&self, changes: &[Change], log_level: &str) {
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
