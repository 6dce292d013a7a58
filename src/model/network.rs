//! The part of an address that belongs to one customer of a provider.

use std::net::{IpAddr, Ipv6Addr};

/// What limits by address treat as one: an IPv4 address, or the /64 of an IPv6 address, which is
/// the smallest network that a customer gets (RFC 6177).
pub fn customer_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}
