//! Detects lists of networks that cover most of the address space, which no list of proxies should.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The globally routed IPv6 addresses (`2000::/3`): prefix length and first three bits.
const ROUTED_PREFIX: u8 = 3;
const ROUTED: u128 = 0b001 << 125;

/// Returns the address family that the networks mostly cover, `IPv4` or `IPv6`; `None` if they are
/// narrow enough.
pub(super) fn covers_most_of(networks: &[IpNet]) -> Option<&'static str> {
    let (mut four, mut six): (Vec<Ipv4Net>, Vec<Ipv6Net>) = Default::default();
    for network in networks {
        match network {
            IpNet::V4(network) => four.push(*network),
            IpNet::V6(network) => match mapped(network) {
                Some(network) => four.push(network),
                None => six.push(*network),
            },
        }
    }
    let four: u64 = Ipv4Net::aggregate(&four).iter().map(|net| 1 << (32 - net.prefix_len())).sum();
    if four >= 1 << 31 {
        return Some("IPv4");
    }
    let six: u128 = Ipv6Net::aggregate(&six).iter().map(routed).sum();
    (six >= 1 << 124).then_some("IPv6")
}

/// Returns the IPv4 network of a network of IPv4-mapped IPv6 addresses.
fn mapped(network: &Ipv6Net) -> Option<Ipv4Net> {
    let prefix = network.prefix_len().checked_sub(96)?;
    Ipv4Net::new(network.network().to_ipv4_mapped()?, prefix).ok()
}

/// Returns the number of routed addresses in a network.
fn routed(network: &Ipv6Net) -> u128 {
    let prefix = network.prefix_len();
    let first = u128::from(network.network());
    if prefix <= ROUTED_PREFIX {
        let mask = (!0_u128).checked_shl(u32::from(128 - prefix)).unwrap_or(0);
        return if ROUTED & mask == first { 1 << 125 } else { 0 };
    }
    if first >> 125 == ROUTED >> 125 { 1 << (128 - prefix) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Vec<IpNet> {
        text.split(',').map(|net| net.parse().expect("a network")).collect()
    }

    #[test]
    fn networks_that_cover_most_addresses_are_found_in_every_spelling() {
        for (text, family) in [
            ("0.0.0.0/0", "IPv4"),
            ("10.0.0.0/8,0.0.0.0/1,128.0.0.0/1", "IPv4"),
            ("0.0.0.0/2,64.0.0.0/2,128.0.0.0/2", "IPv4"),
            ("::ffff:0.0.0.0/96", "IPv4"),
            ("::/0", "IPv6"),
            ("::/1,8000::/1", "IPv6"),
            ("2000::/3", "IPv6"),
            ("2000::/4", "IPv6"),
        ] {
            assert_eq!(covers_most_of(&networks(text)), Some(family), "{text}");
        }
        for text in ["10.0.0.0/8,172.16.0.0/12,192.168.0.0/16", "fc00::/7", "2001:db8::/32"] {
            assert_eq!(covers_most_of(&networks(text)), None, "{text}");
        }
        assert_eq!(covers_most_of(&[]), None);
    }
}
