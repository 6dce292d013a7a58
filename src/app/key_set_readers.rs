//! Readers of the key set since the last write, in bounded memory. A reader is a network with a
//! user agent, so that no address of a person is stored.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::model::key_set_reader::KeySetReader;
use crate::model::time::Timestamp;

/// The maximum number of networks between two writes. Readers of other networks are ignored.
const MAX_NETWORKS: usize = 256;

/// The maximum number of user agents of one network. All others share one entry.
const MAX_AGENTS_PER_NETWORK: usize = 8;

/// The maximum length of a user agent, in bytes.
const MAX_AGENT_BYTES: usize = 64;

/// The user agent of readers that send none, or one that cannot be displayed.
const UNNAMED: &str = "unnamed";

/// The user agent of the remaining readers of a network with too many.
const OTHERS: &str = "others";

/// Readers since the last write.
#[derive(Debug, Default)]
pub struct KeySetReaders {
    seen: Mutex<HashMap<IpNet, Vec<SeenReader>>>,
}

#[derive(Debug)]
struct SeenReader {
    user_agent: Box<str>,
    first_seen_at: Timestamp,
    last_seen_at: Timestamp,
    newest_key_at: Timestamp,
}

impl KeySetReaders {
    /// Records a reader that received a key set. `newest_key_at` is the creation time of the newest
    /// key in it. A known reader costs a lookup and no allocation.
    pub fn note(
        &self,
        address: IpAddr,
        user_agent: Option<&str>,
        newest_key_at: Timestamp,
        now: Timestamp,
    ) {
        let (network, user_agent) = (network(address), product(user_agent));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains_key(&network) && seen.len() >= MAX_NETWORKS {
            return;
        }
        note(seen.entry(network).or_default(), user_agent, newest_key_at, now, now);
    }

    /// Takes all readers for writing.
    pub fn take(&self) -> Vec<KeySetReader> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *seen);
        drop(seen);
        let readers = taken.into_iter().flat_map(|(network, readers)| {
            readers.into_iter().map(move |reader| KeySetReader {
                network: network.to_string(),
                user_agent: reader.user_agent.into(),
                first_seen_at: reader.first_seen_at,
                last_seen_at: reader.last_seen_at,
                days: 1,
                newest_key_at: reader.newest_key_at,
            })
        });
        readers.collect()
    }

    /// Puts back readers that could not be written, within the capacity.
    pub fn put_back(&self, readers: Vec<KeySetReader>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for reader in readers {
            let Ok(network) = reader.network.parse::<IpNet>() else { continue };
            if seen.contains_key(&network) || seen.len() < MAX_NETWORKS {
                let KeySetReader { user_agent, newest_key_at, .. } = reader;
                let (first, last) = (reader.first_seen_at, reader.last_seen_at);
                note(seen.entry(network).or_default(), &user_agent, newest_key_at, first, last);
            }
        }
    }
}

fn note(
    readers: &mut Vec<SeenReader>,
    user_agent: &str,
    newest_key_at: Timestamp,
    first_seen_at: Timestamp,
    last_seen_at: Timestamp,
) {
    let place = |name: &str| readers.iter().position(|known| &*known.user_agent == name);
    let is_full = readers.len() >= MAX_AGENTS_PER_NETWORK;
    let (name, known) = match place(user_agent) {
        None if is_full => (OTHERS, place(OTHERS)),
        known => (user_agent, known),
    };
    if let Some(known) = known.and_then(|place| readers.get_mut(place)) {
        known.first_seen_at = known.first_seen_at.min(first_seen_at);
        known.last_seen_at = known.last_seen_at.max(last_seen_at);
        known.newest_key_at = known.newest_key_at.max(newest_key_at);
    } else {
        let user_agent = name.into();
        readers.push(SeenReader { user_agent, first_seen_at, last_seen_at, newest_key_at });
    }
}

/// Returns the network of an address, which is stored in its place.
fn network(address: IpAddr) -> IpNet {
    // The prefix lengths are valid, so neither call fails.
    match address {
        IpAddr::V4(address) => Ipv4Net::new(address, 24).map(|net| IpNet::V4(net.trunc())),
        IpAddr::V6(address) => Ipv6Net::new(address, 48).map(|net| IpNet::V6(net.trunc())),
    }
    .unwrap_or_else(|_| IpNet::from(address))
}

/// Returns the first product of a `User-Agent` header (RFC 9110, section 10.1.5). Comments are
/// dropped, because they reveal more about people than about verifiers.
fn product(header: Option<&str>) -> &str {
    let first = header.and_then(|header| header.split_ascii_whitespace().next());
    first
        .filter(|name| name.len() <= MAX_AGENT_BYTES)
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic()))
        .unwrap_or(UNNAMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn names(readers: &KeySetReaders) -> Vec<String> {
        let name = |reader: KeySetReader| format!("{} {}", reader.network, reader.user_agent);
        let mut names: Vec<_> = readers.take().into_iter().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn readers_are_distinguished_by_network_and_product() {
        let readers = KeySetReaders::default();
        for (from, agent) in [
            ("192.0.2.7", Some("Go-http-client/1.1")),
            ("192.0.2.9", Some("Go-http-client/1.1 (a comment; Ana)")),
            ("192.0.2.7", Some("PyJWT/2.15")),
            ("2001:db8:1:2::3", None),
            ("2001:db8:1:9::3", Some("a\u{1b}[2J")),
        ] {
            readers.note(address(from), agent, Timestamp(5), NOW);
        }
        let expected = [
            "192.0.2.0/24 Go-http-client/1.1",
            "192.0.2.0/24 PyJWT/2.15",
            "2001:db8:1::/48 unnamed",
        ];
        assert_eq!(names(&readers), expected);
        assert!(readers.take().is_empty());
    }

    #[test]
    fn a_reader_keeps_the_newest_key_and_its_first_and_last_time() {
        let readers = KeySetReaders::default();
        for (key, now) in [(7, 20), (5, 30), (6, 10)] {
            readers.note(address("192.0.2.1"), None, Timestamp(key), Timestamp(now));
        }
        let taken = readers.take();
        readers.put_back(taken.clone());
        readers.note(address("192.0.2.1"), None, Timestamp(8), Timestamp(40));
        let [before] = &*taken else { panic!("{taken:?}") };
        let times = |reader: &KeySetReader| {
            (reader.first_seen_at.0, reader.last_seen_at.0, reader.newest_key_at.0)
        };
        assert_eq!(times(before), (10, 30, 7));
        assert_eq!(times(&readers.take()[0]), (10, 40, 8));
    }

    /// Callers that always change their names use bounded memory, and do not hide readers of other
    /// networks.
    #[test]
    fn memory_is_bounded() {
        let readers = KeySetReaders::default();
        readers.note(address("192.0.2.1"), Some("mine/1"), Timestamp(1), NOW);
        for number in 0..20_000_u32 {
            let agent = format!("agent/{number}");
            readers.note(address("203.0.113.1"), Some(&agent), Timestamp(1), NOW);
            let other = IpAddr::from((number << 8).to_be_bytes());
            readers.note(other, Some(&agent), Timestamp(1), NOW);
        }
        readers.note(address("192.0.2.1"), Some("mine/1"), Timestamp(2), NOW);
        let taken = readers.take();
        assert_eq!(taken.len(), MAX_NETWORKS + MAX_AGENTS_PER_NETWORK);
        assert!(taken.iter().any(|reader| reader.user_agent == OTHERS));
        let mine = taken.iter().find(|reader| reader.user_agent == "mine/1").expect("mine");
        assert_eq!(mine.newest_key_at, Timestamp(2));
    }
}
