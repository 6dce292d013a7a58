//! The address of a client behind proxies. The first line of an input is the address of the peer;
//! every other line is an `X-Forwarded-For` header.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use super::subject::client_address;

/// Networks of proxies.
const TRUSTED: [&str; 3] = ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"];

/// Reads the lines as the headers of a request.
pub fn fuzz(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let peer = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let Some(peer) = peer.and_then(|text| text.parse::<IpAddr>().ok()) else { return };
    let headers: Vec<_> = lines.map(|value| ("x-forwarded-for", value)).collect();
    let trusted = TRUSTED.map(|network| network.parse::<IpNet>().expect("a network"));
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let read = |headers: &[(&'static str, &[u8])]| {
        client_address(SocketAddr::new(peer, 443), headers, &trusted)
    };
    let Some(client) = read(&headers) else { return };
    let canonical = peer.to_canonical();
    assert_eq!(client, client.to_canonical());
    if !is_trusted(canonical) {
        assert_eq!(client, canonical, "a header from outside was believed");
        return;
    }
    let unknown = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let is_sent = |address: IpAddr| sent(&headers).any(|found| found == address);
    assert!(client == unknown || client == canonical || is_sent(client), "{client} was made up");
    assert_eq!(client == canonical && !is_sent(client), sent_nothing(&headers), "{client}");
    if !is_trusted(client) {
        // Headers of the client come before those that the proxies added.
        for forged in ["203.0.113.66", "10.6.6.6", "[::1]:80", "?"] {
            let first = ("x-forwarded-for", forged.as_bytes());
            let more = [&[first][..], &headers].concat();
            assert_eq!(read(&more), Some(client), "{forged} was believed");
        }
    }
}

fn entries<'a>(headers: &[(&str, &'a [u8])]) -> impl Iterator<Item = &'a [u8]> {
    let values: Vec<&[u8]> = headers.iter().map(|(_, value)| *value).collect();
    let entries = values.into_iter().flat_map(|value| value.split(|byte| *byte == b','));
    entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty())
}

fn sent_nothing(headers: &[(&str, &[u8])]) -> bool {
    entries(headers).next().is_none()
}

/// Returns the addresses in the headers, in any notation.
fn sent(headers: &[(&str, &[u8])]) -> impl Iterator<Item = IpAddr> {
    entries(headers).filter_map(|entry| {
        let text = std::str::from_utf8(entry).ok()?;
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
        bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
    })
}
