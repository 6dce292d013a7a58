//! Groups addresses by customer network, for limits by address.

use std::net::{IpAddr, Ipv6Addr};

/// The unit of limits by address: an IPv4 address, or the /64 of an IPv6 address. A /64 is the
/// smallest network that a customer gets (RFC 6177).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientNetwork(IpAddr);

impl ClientNetwork {
    /// Returns the network of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self(address),
            IpAddr::V6(address) => {
                Self(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)))
            }
        }
    }
}
