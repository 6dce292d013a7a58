//! Settings of metrics.

use std::net::SocketAddr;

use url::Url;

use crate::config::Issuer;
use crate::config::parse::{is_loopback, parse_integer};
use crate::config::read::SettingsReader;

/// Access to metrics, and the number of per-client series.
#[derive(Debug, Clone)]
pub struct MetricsSettings {
    /// True if metrics are readable without a token.
    pub is_open: bool,
    /// The number of busiest clients that get their own series.
    pub per_client: usize,
}

impl SettingsReader<'_> {
    /// Reads the metrics settings and records every problem. With `auto`, access is open only if
    /// `listen` and `url` are both loopback: any other URL belongs to a proxy that other machines
    /// reach.
    pub(super) fn metrics(
        &mut self,
        listen: Option<SocketAddr>,
        url: Option<&Issuer>,
    ) -> Option<MetricsSettings> {
        let url = url.and_then(|url| Url::parse(url.as_str()).ok());
        let is_local = listen.is_some_and(|address| address.ip().is_loopback())
            && url.is_none_or(|url| is_loopback(&url));
        let is_open = self.parsed("metrics.access", |text| match text {
            "auto" => Ok(is_local),
            "open" => Ok(true),
            "token" => Ok(false),
            _ => Err("must be auto, open or token".to_owned()),
        });
        let per_client = self.parsed("metrics.per_client", |text| parse_integer(text, 0, 1_000));
        Some(MetricsSettings { is_open: is_open?, per_client: per_client? })
    }
}
