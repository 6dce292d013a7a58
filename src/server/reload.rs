//! Takes over new settings while the server runs: first everything is read and checked, then all of
//! it is replaced.

use std::sync::Arc;

use crate::config::Config;
use crate::server::tls::{Tls, TlsState};
use crate::services::Services;

/// What of a running server may be replaced.
pub struct Reloader {
    pub(super) services: Arc<Services>,
    pub(super) tls: Option<Arc<Tls>>,
}

/// New settings whose files were read: they can no longer fail.
pub struct PreparedReload {
    config: Config,
    tls: Option<TlsState>,
}

impl Reloader {
    /// True if the server speaks TLS itself.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Reads the files that the settings name. Changes nothing.
    ///
    /// # Errors
    /// A certificate or key that cannot be used, in words.
    pub fn prepare(&self, config: Config) -> Result<PreparedReload, String> {
        let tls = match (&self.tls, &config.tls) {
            (Some(tls), Some(settings)) => tls.read(settings)?,
            // TLS is turned on or off by a restart alone.
            _ => None,
        };
        Ok(PreparedReload { config, tls })
    }

    /// Replaces the settings. True if new connections see another certificate.
    pub fn apply(&self, prepared: PreparedReload) -> bool {
        let PreparedReload { config, tls } = prepared;
        self.services.apply_live(&config);
        match (&self.tls, tls) {
            (Some(current), Some(new)) => current.replace(new),
            _ => false,
        }
    }
}
