//! Checks of settings that are valid but may be a mistake.

use ipnet::IpNet;

use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::finding::Finding;
use crate::admin::doctor::first_of;
use crate::config::{Config, Issuer};

/// The shortest plausible prefix of a private IPv4 network of proxies.
const MIN_PREFIX_V4: u8 = 16;

/// The shortest plausible prefix of an IPv6 network of proxies.
const MIN_PREFIX_V6: u8 = 48;

/// The shortest plausible prefix of a public IPv4 network of proxies.
const MIN_PREFIX_OF_PUBLIC: u8 = 24;

/// The maximum number of networks that a finding names.
const MAX_NAMED: usize = 5;

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    vec![
        proxy_trust(config),
        trusted_networks(&config.trusted_proxies),
        management_listener(config),
        metrics_access(config),
        log_level(&config.log.level),
    ]
}

/// An unlisted proxy is treated as a single client: it may use only an eighth of the connections,
/// and all clients share its limits on guesses.
fn proxy_trust(config: &Config) -> Finding {
    let code = CheckCode::ProxyTrust;
    let is_https = config.issuer.as_ref().is_some_and(Issuer::is_https);
    let fix = "Name the addresses of the proxy that terminates TLS in proxy.trusted, also if it runs \
               on this machine, or set tls.certificate and tls.key.";
    match (&config.tls, config.trusted_proxies.len()) {
        (Some(_), 0) => Finding::ok(code, "tokend terminates TLS, and no proxy is trusted"),
        (_, 1..) => {
            let networks: Vec<_> = config.trusted_proxies.iter().map(IpNet::to_string).collect();
            Finding::ok(
                code,
                format!("headers are accepted from {}", first_of(&networks, MAX_NAMED)),
            )
        }
        (None, 0) if is_https => {
            let found = "issuer is https, tokend speaks plain HTTP, and proxy.trusted is empty: all \
                         clients have the address of the proxy";
            if config.listen.ip().is_loopback() {
                Finding::warning(code, found, fix)
            } else {
                let found = format!("{found}; {} is open to other machines", config.listen);
                Finding::error(code, found, fix)
            }
        }
        (None, 0) => Finding::ok(code, "issuer is http on this machine, and no proxy is trusted"),
    }
}

fn trusted_networks(networks: &[IpNet]) -> Finding {
    let code = CheckCode::TrustedNetworks;
    let wide: Vec<_> = networks.iter().filter(|net| is_wide(net)).map(IpNet::to_string).collect();
    match (networks.len(), wide.len()) {
        (0, _) => Finding::ok(code, "no network is trusted"),
        (_, 0) => Finding::ok(code, "every network is narrow"),
        _ => Finding::warning(
            code,
            format!("proxy.trusted has wide networks: {}", first_of(&wide, MAX_NAMED)),
            "Name only the addresses of your proxies, such as 10.0.3.7/32. Any host in a trusted \
             network can forge the address and the certificate of a client.",
        ),
    }
}

fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => {
            let address = network.network();
            let is_public =
                !(address.is_private() || address.is_loopback() || address.is_link_local());
            let min_prefix = if is_public { MIN_PREFIX_OF_PUBLIC } else { MIN_PREFIX_V4 };
            // 127.0.0.0/8 contains only this machine.
            !address.is_loopback() && network.prefix_len() < min_prefix
        }
        IpNet::V6(network) => network.prefix_len() < MIN_PREFIX_V6,
    }
}

fn management_listener(config: &Config) -> Finding {
    let code = CheckCode::ManagementListener;
    let address = config.management_listen;
    if address.ip().is_loopback() {
        return Finding::ok(code, format!("{address} is open to this machine only"));
    }
    let found = format!("management.listen is {address}, which other machines reach");
    if config.configured_management_url.is_none() {
        return Finding::warning(
            code,
            format!("{found}, and management.url is not set"),
            "Set management.url to the https URL of the proxy before it. Without it, callers on \
             other machines do not find the issuer, and their DPoP proofs are rejected.",
        );
    }
    Finding::note(
        code,
        found,
        "Let only operators reach it, by a firewall or a network policy, or listen on 127.0.0.1.",
    )
}

fn metrics_access(config: &Config) -> Finding {
    let code = CheckCode::MetricsAccess;
    let address = config.management_listen;
    match (config.metrics.is_open, address.ip().is_loopback()) {
        (false, _) => Finding::ok(code, "metrics need the scope stats:read"),
        (true, true) => {
            Finding::ok(code, format!("metrics are open at {address}, on this machine"))
        }
        (true, false) => Finding::note(
            code,
            format!("metrics.access is open, and other machines reach {address}"),
            "Metrics name resources and the reasons of rejections. Set metrics.access = \"token\", \
             or let only Prometheus reach the listener.",
        ),
    }
}

fn log_level(level: &str) -> Finding {
    let code = CheckCode::LogLevel;
    let found = format!("log.level is {level}");
    // A level without a module applies to all modules that have no level of their own.
    let general = level.split(',').map(str::trim).find(|part| !part.contains('='));
    match general.unwrap_or_default().to_ascii_lowercase().as_str() {
        "error" | "off" => Finding::note(
            code,
            format!("{found}: warnings and rejections are not logged"),
            "Set log.level = \"info\". SIGHUP applies it.",
        ),
        "debug" | "trace" => Finding::note(
            code,
            format!("{found}: each request writes several lines"),
            "Set log.level = \"info\" when you have found what you look for. SIGHUP applies it.",
        ),
        _ => Finding::ok(code, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::finding::CheckState;
    use crate::config::Requirement;
    use crate::config::sources::Flags;

    fn config(pairs: &[(&str, &str)]) -> Config {
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::load(&Flags::default(), &pairs, Requirement::Nothing).expect("settings")
    }

    #[test]
    fn wide_networks_of_proxies_are_recognized() {
        for (network, expected) in [
            ("10.0.0.0/8", true),
            ("10.1.0.0/16", false),
            ("172.16.0.0/12", true),
            ("127.0.0.0/8", false),
            ("203.0.113.0/24", false),
            ("203.0.112.0/20", true),
            ("10.0.0.7/32", false),
            ("2001:db8::/32", true),
            ("2001:db8:1::/48", false),
            ("::1/128", false),
        ] {
            assert_eq!(is_wide(&network.parse().expect("a network")), expected, "{network}");
        }
    }

    #[test]
    fn an_issuer_of_https_needs_tls_or_a_trusted_proxy() {
        let issuer = ("TOKEND_ISSUER", "https://id.example.com");
        let open = ("TOKEND_LISTEN", "0.0.0.0:8080");
        let proxy = ("TOKEND_PROXY_TRUSTED", "127.0.0.1");
        let local = ("TOKEND_ISSUER", "http://localhost:8080");
        for (pairs, state) in [
            (&[issuer][..], CheckState::Warning),
            (&[issuer, open], CheckState::Error),
            (&[issuer, open, proxy], CheckState::Ok),
            (&[local], CheckState::Ok),
        ] {
            assert_eq!(proxy_trust(&config(pairs)).state, state, "{pairs:?}");
        }
    }

    #[test]
    fn a_management_listener_that_other_hosts_reach_is_a_finding() {
        let open = ("TOKEND_MANAGEMENT_LISTEN", "0.0.0.0:8081");
        let url = ("TOKEND_MANAGEMENT_URL", "https://admin.example.com");
        let metrics = ("TOKEND_METRICS_ACCESS", "open");
        for (pairs, management, of_metrics) in [
            (&[][..], CheckState::Ok, CheckState::Ok),
            (&[open], CheckState::Warning, CheckState::Ok),
            (&[open, url, metrics], CheckState::Note, CheckState::Note),
        ] {
            let config = config(pairs);
            assert_eq!(management_listener(&config).state, management, "{pairs:?}");
            assert_eq!(metrics_access(&config).state, of_metrics, "{pairs:?}");
        }
    }

    #[test]
    fn a_verbose_or_quiet_log_level_is_a_note() {
        let state = |level| log_level(level).state;
        for level in ["info", "warn", "info,tokend::web=debug"] {
            assert_eq!(state(level), CheckState::Ok, "{level}");
        }
        for level in ["error", "debug", "TRACE", "tokend::web=info,error"] {
            assert_eq!(state(level), CheckState::Note, "{level}");
        }
    }
}
