//! What is fetched from others: key sets. The one place that opens connections to the outside.
//!
//! Whoever registers a URL could point it at something inside our own network. So the addresses
//! that a name stands for are looked at, each time, and only public ones are connected to, unless
//! the settings name others (SECURITY 26).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::config;

/// How long all of a fetch may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest body that is read, in bytes.
const LONGEST: usize = 256 << 10;

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The text is no URL that we fetch.
    #[error("it is not an https URL")]
    NotHttps,
    /// The host is an address that must not be connected to.
    #[error(
        "{0} is not a public address; if it may be fetched from, add its network to \
         fetch.allowed_networks"
    )]
    NotPublic(IpAddr),
    /// The other side answered with another status.
    #[error("the answer has status {0}; redirects are not followed")]
    Status(u16),
    /// The body is too long.
    #[error("the answer is longer than {LONGEST} bytes")]
    TooLong,
    /// The body is no text.
    #[error("the answer is not UTF-8")]
    NotText,
    /// There was no answer.
    #[error("there was no answer")]
    Failed(#[source] reqwest::Error),
    /// A certificate of the settings cannot be used.
    #[error("`fetch.ca_file` cannot be used: {0}")]
    UnusableCa(String),
}

/// Fetches texts. What it needs of the system, such as its root certificates, is looked for when
/// something is fetched for the first time: most servers and commands never fetch anything.
#[derive(Debug)]
pub struct Fetcher {
    client: OnceLock<reqwest::Client>,
    roots: Vec<reqwest::Certificate>,
    guard: Arc<Guard>,
}

/// Which addresses may be connected to.
#[derive(Debug)]
struct Guard {
    allowed: Vec<IpNet>,
}

impl Fetcher {
    /// A fetcher with these settings.
    pub fn new(settings: &config::Fetch) -> Result<Self, FetchError> {
        let roots = match &settings.ca_file {
            None => Vec::new(),
            Some(path) => {
                let unusable =
                    |error: String| FetchError::UnusableCa(format!("{}: {error}", path.display()));
                let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
                reqwest::Certificate::from_pem_bundle(&pem)
                    .map_err(|error| unusable(error.to_string()))?
            }
        };
        let guard = Arc::new(Guard { allowed: settings.allowed_networks.clone() });
        Ok(Self { client: OnceLock::new(), roots, guard })
    }

    fn client(&self) -> Result<&reqwest::Client, FetchError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut builder = reqwest::Client::builder()
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("tokend/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(self.guard.clone());
        if !self.roots.is_empty() {
            builder = builder.tls_certs_merge(self.roots.clone());
        }
        let client = builder.build().map_err(FetchError::Failed)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Fetches a text: one request, no redirect, bounded in time and size.
    pub async fn text(&self, url: &str) -> Result<String, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::NotHttps)?;
        if url.scheme() != "https" {
            return Err(FetchError::NotHttps);
        }
        self.guard.check_literal(&url)?;
        let mut response = self.client()?.get(url).send().await.map_err(FetchError::Failed)?;
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(FetchError::Failed)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).map_err(|_| FetchError::NotText)
    }
}

impl Guard {
    /// A host that is an address is never resolved, so it is looked at here.
    fn check_literal(&self, url: &Url) -> Result<(), FetchError> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(FetchError::NotHttps),
        };
        if self.admits(address) { Ok(()) } else { Err(FetchError::NotPublic(address)) }
    }

    fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.allowed.iter().any(|network| network.contains(&address))
    }
}

impl Resolve for Guard {
    /// Resolves a name and leaves out what must not be connected to. The connection is made to one
    /// of the addresses that are left, so a name cannot change its mind in between.
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Self { allowed: self.allowed.clone() };
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (admitted, refused): (Vec<SocketAddr>, Vec<_>) =
                found.partition(|address| guard.admits(address.ip()));
            match (admitted.is_empty(), refused.first()) {
                (true, Some(address)) => {
                    Err(io::Error::other(FetchError::NotPublic(address.ip())).into())
                }
                _ => Ok(Box::new(admitted.into_iter()) as Addrs),
            }
        })
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
    // Of all there is, 2000::/3 is given out. Within it lie documentation, benchmarks and other
    // things of its first block, and 6to4, which has an IPv4 address inside.
    let is_given_out = first & 0xE000 == 0x2000;
    let is_first_block = first == 0x2001 && second < 0x0200;
    let is_documentation = (first == 0x2001 && second == 0x0DB8) || first == 0x3FFF;
    let is_6to4 = first == 0x2002;
    is_given_out && !is_first_block && !is_documentation && !is_6to4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry;

    fn admits(address: &str) -> bool {
        Guard { allowed: Vec::new() }.admits(address.parse().expect("an address"))
    }

    /// SECURITY 26: nothing inside, in whatever clothes.
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
        let guard = Guard { allowed: vec!["10.0.0.0/8".parse().expect("a network")] };
        assert!(guard.admits("10.1.2.3".parse().expect("an address")));
        assert!(!guard.admits("127.0.0.1".parse().expect("an address")));
    }

    /// A name that stands for an inner address is refused after its resolution, and so is the
    /// address itself, in each way of writing it.
    #[tokio::test]
    async fn names_and_addresses_inside_are_refused() {
        let settings = config::Fetch { allowed_networks: Vec::new(), ca_file: None };
        let fetcher = Fetcher::new(&settings).expect("a fetcher");
        for url in [
            "https://127.0.0.1:1/",
            "https://2130706433:1/",
            "https://0x7f.1:1/",
            "https://[::1]:1/",
            "https://[::ffff:127.0.0.1]:1/",
            "https://localhost:1/",
        ] {
            let error = fetcher.text(url).await.expect_err("refused");
            let text = telemetry::with_causes(&error);
            assert!(text.contains("not a public address"), "{url}: {text}");
        }
        let error = fetcher.text("http://1.1.1.1/").await.expect_err("refused");
        assert!(matches!(error, FetchError::NotHttps));
    }
}
