//! SIGHUP: the settings are read again while the server runs. The log level is applied; the log
//! says what else has changed and needs a restart. Nothing that SIGHUP does ends the server.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::error::CliError;
use crate::config::sources::{Flags, Settings};
use crate::config::{Config, Requirement};
use crate::server::service_manager;
use crate::telemetry::LogLevel;

/// The one setting that is applied without a restart.
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

    /// Reloads the settings by `read` at each SIGHUP, also at one that came before this call.
    pub(crate) async fn reload_settings<F>(mut self, running: Settings, level: LogLevel, read: F)
    where
        F: Fn() -> Result<Loaded, CliError> + Clone + Send + 'static,
    {
        let mut reloader = Reloader { log_level: running.text(LOG_LEVEL), running, level };
        while self.0.recv().await.is_some() {
            service_manager::notify_reloading();
            // Files are read, which may take a while.
            match tokio::task::spawn_blocking(read.clone()).await {
                Ok(Ok(loaded)) => reloader.apply(&loaded),
                Ok(Err(error)) => reject(error.text()),
                Err(error) => reject(&error.to_string()),
            }
            service_manager::notify_reloaded();
        }
    }
}

fn reject(problem: &str) {
    tracing::error!(problem, "SIGHUP: the settings are not valid, so nothing was changed");
}

/// What the process runs with.
struct Reloader {
    running: Settings,
    log_level: String,
    level: LogLevel,
}

impl Reloader {
    fn apply(&mut self, loaded: &Loaded) {
        let mut for_restart = self.running.changed_keys(&loaded.settings);
        for_restart.retain(|key| *key != LOG_LEVEL);
        let new_level = &loaded.config.log.level;
        let is_new_level = *new_level != self.log_level;
        if !for_restart.is_empty() {
            let settings = for_restart.join(", ");
            tracing::warn!(settings, "SIGHUP: these settings have changed and need a restart");
        }
        if for_restart.is_empty() && !is_new_level {
            tracing::info!("SIGHUP: no setting has changed");
        }
        if is_new_level {
            self.set_level(new_level);
        }
    }

    /// Applies a level, and says so under the more verbose one of the two.
    fn set_level(&mut self, new: &str) {
        let old = std::mem::replace(&mut self.log_level, new.to_owned());
        let tell = || tracing::warn!(old, new, "SIGHUP: log.level is applied");
        let is_heard = tracing::enabled!(tracing::Level::WARN);
        if is_heard {
            tell();
        }
        if let Err(problem) = self.level.set(new) {
            tracing::error!(problem, "SIGHUP: log.level cannot be applied");
        }
        if !is_heard {
            tell();
        }
    }
}
