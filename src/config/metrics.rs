//! The settings of metrics.

use std::net::SocketAddr;

use crate::config::parse::whole;
use crate::config::read::SettingsReader;

/// How metrics are served.
#[derive(Debug, Clone)]
pub struct MetricsSettings {
    /// True if they can be read without a token.
    pub is_open: bool,
    /// How many of the busiest clients have series of their own.
    pub per_client: usize,
}

impl SettingsReader<'_> {
    /// How metrics are served on a management listener at this address; every problem is noted.
    pub(super) fn metrics(&mut self, listen: Option<SocketAddr>) -> Option<MetricsSettings> {
        let is_loopback = listen.is_some_and(|address| address.ip().is_loopback());
        let is_open = self.parsed("metrics.access", |text| match text {
            "auto" => Ok(is_loopback),
            "open" => Ok(true),
            "token" => Ok(false),
            _ => Err("must be auto, open or token".to_owned()),
        });
        let per_client = self.parsed("metrics.per_client", |text| whole(text, 0, 1_000));
        Some(MetricsSettings { is_open: is_open?, per_client: per_client? })
    }
}
