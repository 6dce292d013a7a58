//! Replaces settings while the server runs. Everything is read and checked first, then replaced
//! together.

use std::sync::Arc;

use crate::config::Config;
use crate::server::tls::{Tls, TlsState};
use crate::services::Services;

/// The parts of a running server that may be replaced.
pub struct Reloader {
    pub(super) services: Arc<Services>,
    pub(super) tls: Option<Arc<Tls>>,
}

/// New settings whose files have been read. Applying them cannot fail.
pub struct PreparedReload {
    config: Config,
    tls: Option<TlsState>,
}

impl Reloader {
    /// True if the server terminates TLS itself.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Reads the files of the settings. Changes nothing.
    ///
    /// # Errors
    /// A description of a certificate or key that cannot be used.
    pub fn prepare(&self, config: Config) -> Result<PreparedReload, String> {
        let tls = match (&self.tls, &config.tls) {
            (Some(tls), Some(settings)) => tls.read(settings)?,
            // TLS is turned on or off only by a restart.
            _ => None,
        };
        Ok(PreparedReload { config, tls })
    }

    /// Replaces the settings. True if new connections get another certificate.
    pub fn apply(&self, prepared: PreparedReload) -> bool {
        let PreparedReload { config, tls } = prepared;
        self.services.apply_live(&config);
        match (&self.tls, tls) {
            (Some(current), Some(new)) => current.replace(new),
            _ => false,
        }
    }
}
