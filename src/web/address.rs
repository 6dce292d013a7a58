//! The client address: the address of the peer, or the one that a trusted proxy forwards.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The address used if a trusted proxy forwards an unreadable one. It belongs to no client, so the
/// request is not admitted by the proxy's own address.
const UNKNOWN: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Returns the address of the client. Only entries of `X-Forwarded-For` that trusted proxies wrote
/// are used. The client is the first address from the right that is not a trusted one (RFC 9700,
/// section 4.13).
pub fn of_client(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut client = canonical(peer.ip());
    if trusted.is_empty() || !is_trusted(client) {
        return client;
    }
    let forwarded = headers
        .get_all("x-forwarded-for")
        .iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty());
    for entry in forwarded {
        let Some(address) = read(entry) else { return UNKNOWN };
        client = canonical(address);
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// True if the peer is a trusted proxy.
pub fn is_trusted(peer: IpAddr, trusted: &[IpNet]) -> bool {
    let peer = canonical(peer);
    trusted.iter().any(|network| network.contains(&peer))
}

/// Parses an address, with or without a port. Some proxies add the port.
fn read(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port)
}

/// Converts IPv4-mapped IPv6 addresses to IPv4.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&[u8]], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            let value = HeaderValue::from_bytes(value).expect("a header");
            headers.append("x-forwarded-for", value);
        }
        let trusted: Vec<IpNet> =
            trusted.iter().map(|net| net.parse().expect("a network")).collect();
        of_client(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    /// RFC 9700, section 4.13 (C-106): a forged header from outside is ignored.
    #[test]
    fn only_a_trusted_proxy_may_set_the_client_address() {
        assert_eq!(client("192.0.2.1:1", &[b"203.0.113.9"], &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1:1", &[b"203.0.113.9"], &["10.0.0.0/8"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1:1", &[b"203.0.113.9"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    /// Falling back to the proxy's own address could admit a client that is not allowed.
    #[test]
    fn an_unreadable_address_is_unknown() {
        for odd in [&b"203.0.113.9, garbage"[..], b"\xff", b"unknown", b"1.1.1.1, [::1", b"1:2:3"] {
            assert_eq!(client("10.0.0.1:1", &[odd], &["10.0.0.0/8"]), "::");
        }
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1:1", &[b"203.0.113.9:4711"], &trusted), "203.0.113.9");
        assert_eq!(client("10.0.0.1:1", &[b"[2001:db8::1]:4711"], &trusted), "2001:db8::1");
        assert_eq!(client("10.0.0.1:1", &[b"[2001:db8::1]"], &trusted), "2001:db8::1");
    }

    #[test]
    fn addresses_that_the_client_put_into_the_header_are_ignored() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(
            client("10.0.0.1:1", &[b"1.1.1.1, 203.0.113.9, 10.0.0.2"], &trusted),
            "203.0.113.9"
        );
        assert_eq!(client("10.0.0.1:1", &[b"1.1.1.1", b"203.0.113.9"], &trusted), "203.0.113.9");
        // The entry of the proxy itself is used, even if the entries before it are malformed.
        assert_eq!(client("10.0.0.1:1", &[b"\xff, 203.0.113.9"], &trusted), "203.0.113.9");
        assert_eq!(client("10.0.0.1:1", &[b"\xff", b"203.0.113.9"], &trusted), "203.0.113.9");
        assert_eq!(client("10.0.0.1:1", &[b", 203.0.113.9, "], &trusted), "203.0.113.9");
        assert_eq!(client("[::ffff:10.0.0.1]:1", &[b"203.0.113.9"], &trusted), "203.0.113.9");
    }
}
