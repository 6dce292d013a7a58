//! Groups addresses by customer network, for limits by address.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the unit of limits by address: an IPv4 address, or the /64 of an IPv6 address. A /64 is
/// the smallest network that a customer gets (RFC 6177).
pub fn customer_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}
