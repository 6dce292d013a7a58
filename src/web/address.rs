//! The address of a client: the peer's own, or what a trusted proxy says of it.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The client's address. `X-Forwarded-For` counts only as far as trusted proxies wrote it: from
/// the right, past every trusted address, up to the first other one (RFC 9700, section 4.13).
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
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.rsplit(','));
    for entry in forwarded {
        let Ok(address) = entry.trim().parse::<IpAddr>() else { break };
        client = canonical(address);
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// An IPv4 address in IPv6 clothes counts as what it is.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("a header"));
        }
        let trusted: Vec<IpNet> =
            trusted.iter().map(|net| net.parse().expect("a network")).collect();
        of_client(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    /// RFC 9700, section 4.13 (C-106): a forged header from outside is ignored.
    #[test]
    fn only_a_trusted_proxy_may_speak_for_a_client() {
        assert_eq!(client("192.0.2.1:1", &["203.0.113.9"], &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1:1", &["203.0.113.9"], &["10.0.0.0/8"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1:1", &["203.0.113.9"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn what_the_client_itself_put_into_the_header_does_not_count() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(
            client("10.0.0.1:1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"], &trusted),
            "203.0.113.9"
        );
        assert_eq!(client("10.0.0.1:1", &["1.1.1.1", "203.0.113.9"], &trusted), "203.0.113.9");
        assert_eq!(client("10.0.0.1:1", &["203.0.113.9, garbage"], &trusted), "10.0.0.1");
        assert_eq!(client("[::ffff:10.0.0.1]:1", &["203.0.113.9"], &trusted), "203.0.113.9");
    }
}
