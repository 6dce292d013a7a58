//! The settings of metrics.

use std::net::SocketAddr;

use url::Url;

use crate::config::Issuer;
use crate::config::parse::{is_loopback, whole};
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
    /// How metrics are served on a management listener at this address and URL; every problem is
    /// noted. A URL that is not of this machine is that of a proxy, which other machines reach.
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
        let per_client = self.parsed("metrics.per_client", |text| whole(text, 0, 1_000));
        Some(MetricsSettings { is_open: is_open?, per_client: per_client? })
    }
}
