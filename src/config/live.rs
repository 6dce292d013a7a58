//! The settings that a running server takes over by SIGHUP: their keys, and their present values.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use ipnet::IpNet;

use crate::config::{Config, LimitSettings};
use crate::model::group_mapping::GroupMapping;

/// The keys of these settings, in the order of the manual. All others need a restart. The two of
/// TLS do as well if it is turned on or off.
pub const LIVE_KEYS: [&str; 14] = [
    "console.oidc.groups",
    "limits.body_size",
    "limits.header_size",
    "limits.header_timeout",
    "limits.body_timeout",
    "limits.tokens_per_client",
    "limits.revocations_per_client",
    "limits.assertions_per_client",
    "limits.guesses_per_client",
    "limits.guesses_per_address",
    "proxy.trusted",
    "tls.certificate",
    "tls.key",
    "log.level",
];

/// Values of settings that may change while a server runs. The number of connections is one of the
/// limits and does not change.
#[derive(Debug)]
pub struct LiveSettings {
    /// What a request may be like.
    pub limits: LimitSettings,
    /// Networks whose headers may name the client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// What the groups of the identity provider permit.
    pub console_groups: GroupMapping,
}

impl LiveSettings {
    fn of(config: &Config) -> Self {
        let groups = config.oidc.as_ref().map(|oidc| oidc.groups.clone());
        Self {
            limits: config.limits.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            console_groups: groups.unwrap_or_default(),
        }
    }
}

/// The present values, shared by all that read them. To read is one load and takes no lock.
#[derive(Debug, Clone)]
pub struct Live(Arc<ArcSwap<LiveSettings>>);

impl Live {
    /// The values at the start.
    pub fn of(config: &Config) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(LiveSettings::of(config))))
    }

    /// The present values. Not to be held across an await.
    pub fn load(&self) -> Guard<Arc<LiveSettings>> {
        self.0.load()
    }

    /// Replaces all values at once.
    pub fn replace(&self, config: &Config) {
        self.0.store(Arc::new(LiveSettings::of(config)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DEFAULTS;

    #[test]
    fn the_keys_are_settings_and_all_limits_but_one_are_among_them() {
        let (mut section, mut keys) = (String::new(), Vec::new());
        for line in DEFAULTS.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = format!("{}.", name.trim_end_matches(']'));
            } else if let Some((name, _)) =
                line.split_once(" = ").filter(|_| !line.starts_with('#'))
            {
                keys.push(format!("{section}{name}"));
            }
        }
        let places: Vec<_> =
            LIVE_KEYS.iter().map(|key| keys.iter().position(|known| known == key)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
        let others = keys.iter().filter(|key| key.starts_with("limits."));
        let others: Vec<_> = others.filter(|key| !LIVE_KEYS.contains(&key.as_str())).collect();
        assert_eq!(others, ["limits.connections"]);
    }
}
