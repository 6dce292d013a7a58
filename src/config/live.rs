//! The settings that a running server reloads on SIGHUP: their keys and current values.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use ipnet::IpNet;

use crate::config::{Config, LimitSettings, ShownSetting};
use crate::model::group_mapping::GroupMapping;

/// The keys of the reloadable settings, in the order of `default.toml`. All other settings need a
/// restart. Turning TLS on or off needs one too.
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

/// Values of the reloadable settings. `limits.connections` is the only limit that does not change
/// at runtime.
#[derive(Debug)]
pub struct LiveSettings {
    /// The limits on requests.
    pub limits: LimitSettings,
    /// The networks whose headers may name the client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// The roles of the groups of the identity provider.
    pub console_groups: GroupMapping,
    /// All settings in effect, also those that need a restart.
    pub shown: Vec<ShownSetting>,
}

impl LiveSettings {
    fn of(config: &Config) -> Self {
        let groups = config.oidc.as_ref().map(|oidc| oidc.groups.clone());
        Self {
            limits: config.limits.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            console_groups: groups.unwrap_or_default(),
            shown: config.shown.clone(),
        }
    }
}

/// The current values, shared by all readers. A read is one lock-free load.
#[derive(Debug, Clone)]
pub struct Live(Arc<ArcSwap<LiveSettings>>);

impl Live {
    /// Starts with the values of `config`.
    pub fn of(config: &Config) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(LiveSettings::of(config))))
    }

    /// Returns the current values. Do not hold the guard across an await.
    pub fn load(&self) -> Guard<Arc<LiveSettings>> {
        self.0.load()
    }

    /// Replaces all values at once.
    pub fn replace(&self, config: &Config) {
        let mut new = LiveSettings::of(config);
        for (setting, old) in new.shown.iter_mut().zip(&self.load().shown) {
            if !is_applied(old, setting) {
                setting.clone_from(old);
            }
        }
        self.0.store(Arc::new(new));
    }
}

/// True if the new value of a setting takes effect without a restart.
fn is_applied(old: &ShownSetting, new: &ShownSetting) -> bool {
    let is_switch = old.value.is_empty() != new.value.is_empty();
    LIVE_KEYS.contains(&new.key.as_str()) && !(is_switch && new.key.starts_with("tls."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DEFAULTS;

    #[test]
    fn a_setting_that_needs_a_restart_shows_its_old_value() {
        let setting = |key: &str, value: &str| ShownSetting {
            key: key.to_owned(),
            value: value.to_owned(),
            origin: "a file".to_owned(),
            is_default: false,
        };
        for (key, old, new, expected) in [
            ("limits.tokens_per_client", "off", "600/m", true),
            ("token.lifetime", "1h", "2h", false),
            ("tls.certificate", "old.pem", "new.pem", true),
            ("tls.certificate", "", "new.pem", false),
        ] {
            assert_eq!(is_applied(&setting(key, old), &setting(key, new)), expected, "{key}");
        }
    }

    #[test]
    fn live_keys_are_settings_and_include_every_limit_but_connections() {
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
