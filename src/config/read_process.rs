//! Settings of the process itself: its log, start and stop.

use std::path::PathBuf;

use crate::config::parse::{path, pause};
use crate::config::read::SettingsReader;
use crate::config::{LogFormat, LogSettings, LoggedRequests, ShutdownSettings};

/// Declarations that a server applies before it accepts requests.
#[derive(Debug, Clone)]
pub struct BootstrapSettings {
    /// The file with declarations of resources and clients.
    pub file: Option<PathBuf>,
    /// The folder for the secrets that are generated for declared clients.
    pub secrets_dir: Option<PathBuf>,
}

impl SettingsReader<'_> {
    pub(super) fn log(&mut self) -> Option<LogSettings> {
        let level = self.parsed("log.level", |text| {
            crate::telemetry::check_level(text).map(|()| text.to_owned())
        });
        let format = self.parsed("log.format", |text| match text {
            "auto" => Ok(LogFormat::Auto),
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be auto, text or json".to_owned()),
        });
        let requests = self.parsed("log.requests", |text| match text {
            "on" => Ok(LoggedRequests::All),
            "off" => Ok(LoggedRequests::Rejected),
            _ => Err("must be on or off".to_owned()),
        });
        Some(LogSettings { level: level?, format: format?, requests: requests? })
    }

    pub(super) fn shutdown(&mut self) -> Option<ShutdownSettings> {
        let delay = self.parsed("shutdown.delay", pause);
        let drain = self.parsed("shutdown.drain", pause);
        Some(ShutdownSettings { delay: delay?, drain: drain? })
    }

    pub(super) fn bootstrap(&mut self) -> Option<BootstrapSettings> {
        let file = self.file("bootstrap.file");
        let secrets_dir = self.parsed("bootstrap.secrets_dir", |text| match text {
            "" => Ok(None),
            text => path(text).map(|path| Some(PathBuf::from(path))),
        });
        Some(BootstrapSettings { file, secrets_dir: secrets_dir? })
    }
}
