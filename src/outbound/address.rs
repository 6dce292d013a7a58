//! Restricts outgoing connections to public addresses and those that the settings allow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

use crate::outbound::FetchError;

/// The maximum number of addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;

/// Resolves host names to permitted addresses.
#[derive(Debug)]
pub(super) struct PublicAddressResolver {
    allowed: Vec<IpNet>,
    /// The setting of `allowed`.
    setting: &'static str,
}

impl PublicAddressResolver {
    /// Creates a resolver that also permits addresses in `allowed`, the value of `setting`.
    pub(super) fn new(allowed: Vec<IpNet>, setting: &'static str) -> Self {
        Self { allowed, setting }
    }

    /// Returns the permitted addresses of the host of a URL; at least one.
    ///
    /// The caller connects to one of these, so that a second lookup cannot return another address.
    pub(super) async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, FetchError> {
        let port = url.port_or_known_default().ok_or(FetchError::NotHttps)?;
        let found: Vec<_> = match url.host() {
            Some(Host::Ipv4(address)) => vec![SocketAddr::from((address, port))],
            Some(Host::Ipv6(address)) => vec![SocketAddr::from((address, port))],
            Some(Host::Domain(name)) => {
                let found = tokio::net::lookup_host((name, port)).await;
                found.map_err(FetchError::Resolve)?.collect()
            }
            None => return Err(FetchError::NotHttps),
        };
        let (admitted, rejected): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|address| self.admits(address.ip()));
        match (admitted.is_empty(), rejected.first()) {
            (false, _) => Ok(admitted.into_iter().take(MAX_ADDRESSES).collect()),
            (true, Some(address)) => Err(FetchError::NotPublic(address.ip(), self.setting)),
            (true, None) => Err(FetchError::NoAddress),
        }
    }

    fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.allowed.iter().any(|network| network.contains(&address))
    }
}

/// True for an address of the public Internet (the registries of RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_for_protocols = (a, b, c) == (192, 0, 0);
    let is_relay = (a, b, c) == (192, 88, 99);
    let is_for_benchmarks = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 224
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || is_shared
        || is_for_protocols
        || is_relay
        || is_for_benchmarks)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is allocated. It includes addresses that are not public: documentation,
    // benchmarks and others in its first block, and 6to4, which embeds an IPv4 address.
    let is_given_out = first & 0xE000 == 0x2000;
    let is_first_block = first == 0x2001 && second < 0x0200;
    let is_documentation = (first == 0x2001 && second == 0x0DB8) || first == 0x3FFF;
    let is_6to4 = first == 0x2002;
    is_given_out && !is_first_block && !is_documentation && !is_6to4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::outbound::Fetcher;
    use crate::telemetry;

    fn admits(address: &str) -> bool {
        PublicAddressResolver::new(Vec::new(), "fetch.allowed_networks")
            .admits(address.parse().expect("an address"))
    }

    /// SECURITY 26: internal addresses are rejected, in any notation.
    #[test]
    fn only_public_addresses_are_connected_to() {
        for inside in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!admits(inside), "{inside}");
        }
        for outside in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(admits(outside), "{outside}");
        }
    }

    #[test]
    fn the_settings_may_admit_a_network() {
        let allowed = vec!["10.0.0.0/8".parse().expect("a network")];
        let resolver = PublicAddressResolver::new(allowed, "fetch.allowed_networks");
        assert!(resolver.admits("10.1.2.3".parse().expect("an address")));
        assert!(!resolver.admits("127.0.0.1".parse().expect("an address")));
    }

    /// A name that resolves to an internal address is rejected after its resolution. So is the
    /// address itself, in each notation.
    #[tokio::test]
    async fn internal_names_and_addresses_are_rejected() {
        let settings = config::FetchSettings { allowed_networks: Vec::new(), ca_file: None };
        let fetcher = Fetcher::new(&settings).expect("a fetcher");
        for url in [
            "https://127.0.0.1:1/",
            "https://2130706433:1/",
            "https://0x7f.1:1/",
            "https://[::1]:1/",
            "https://[::ffff:127.0.0.1]:1/",
            "https://localhost:1/",
        ] {
            let error = fetcher.text(url).await.expect_err("rejected");
            let text = telemetry::with_causes(&error);
            assert!(text.contains("not a public address"), "{url}: {text}");
        }
        let error = fetcher.text("http://1.1.1.1/").await.expect_err("rejected");
        assert!(matches!(error, FetchError::NotHttps));
    }
}
