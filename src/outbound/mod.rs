//! HTTP to other hosts: fetches key sets and metadata, and sends notifications. Only this module
//! opens outgoing connections.
//!
//! Any operator can register a URL, which could name a host inside the network of the server. Each
//! fetch therefore resolves the name and connects only to a public address, unless the settings
//! allow others (SECURITY 26). A [`Probe`] and the [`OtlpClient`] connect to any address, because
//! the operator names it. All data from the remote host is limited in time and bytes.

mod address;
mod handshake;
mod limited;
mod otlp;
mod post;
mod probe;
mod provider;
mod response;
mod tls;

pub use otlp::OtlpClient;
pub use post::{PostAnswer, RetryAfter};
pub use probe::{Probe, ProbeAnswer};
pub use provider::{ProviderAnswer, ProviderClient};
pub use response::exchange;
pub use tls::TlsClient;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use url::Url;

use crate::config;
use crate::outbound::address::PublicAddressResolver;
use crate::outbound::limited::LimitedStream;
use crate::x509::server_certificate::ServerCertificateProblem;

/// The time limit of a complete fetch.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The time limit of connecting, for all addresses of a name together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum length of a body, in bytes.
const MAX_BODY_BYTES: usize = 256 << 10;

/// The maximum number of bytes from a remote host in one connection, counted below TLS. It leaves
/// 128 KiB for handshake, head, interim responses and framing.
const MAX_CONNECTION_BYTES: usize = MAX_BODY_BYTES + (128 << 10);

/// Why a fetch failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The text is not an https URL.
    #[error("it is not an https URL")]
    NotHttps,
    /// The host is an address to which connections are not permitted.
    #[error("{0} is not a public address; if it may be connected to, add its network to {1}")]
    NotPublic(IpAddr, &'static str),
    /// The name could not be resolved.
    #[error("the name of the host cannot be resolved")]
    Resolve(#[source] std::io::Error),
    /// The name has no address.
    #[error("the name of the host has no address")]
    NoAddress,
    /// No address could be connected to.
    #[error("cannot connect to {0}")]
    Connect(SocketAddr, #[source] std::io::Error),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    Handshake(#[source] std::io::Error),
    /// The remote host sent something other than a response.
    #[error("there was no HTTP response")]
    Http(#[source] hyper::Error),
    /// The remote host was too slow.
    #[error("there was no complete answer within {} seconds", TIMEOUT.as_secs())]
    TimedOut,
    /// The status of the response is not 2xx.
    #[error("the answer has status {0}; redirects are not followed")]
    Status(u16),
    /// There were too many interim responses.
    #[error("the host sent too many interim responses (1xx)")]
    TooManyInterim,
    /// The body is too long.
    #[error("the answer is longer than {MAX_BODY_BYTES} bytes")]
    TooLong,
    /// The body is not text.
    #[error("the answer is not UTF-8")]
    NotText,
    /// TLS cannot be used.
    #[error("TLS cannot be used")]
    Tls(#[source] rustls::Error),
    /// A file of CA certificates cannot be used.
    #[error("the CA file cannot be used: {0}")]
    UnusableCa(String),
    /// The file of CA certificates in the settings cannot be used.
    #[error("`fetch.ca_file` cannot be used: {0}")]
    UnusableCaSetting(String),
}

impl FetchError {
    /// Returns the problem of the remote host's certificate, if it caused the failure.
    pub fn certificate_problem(&self) -> Option<ServerCertificateProblem> {
        let error = match self {
            Self::Tls(error) => error,
            Self::Handshake(error) => error.get_ref()?.downcast_ref()?,
            _ => return None,
        };
        ServerCertificateProblem::of(error)
    }
}

/// Fetches texts and sends notifications.
pub struct Fetcher {
    tls: TlsClient,
    resolver: PublicAddressResolver,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Fetcher").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

impl Fetcher {
    /// Creates a fetcher of key sets with these settings.
    pub fn new(settings: &config::FetchSettings) -> Result<Self, FetchError> {
        Self::within(settings, &settings.allowed_networks, "fetch.allowed_networks")
    }

    /// Creates a sender of notifications. It trusts the same certificates, but has separate allowed
    /// networks, so that key sets of clients cannot use the networks of receivers.
    pub fn of_notifications(config: &config::Config) -> Result<Self, FetchError> {
        let networks = &config.notifications.allowed_networks;
        Self::within(&config.fetch, networks, "notifications.allowed_networks")
    }

    fn within(
        settings: &config::FetchSettings,
        networks: &[IpNet],
        setting: &'static str,
    ) -> Result<Self, FetchError> {
        let resolver = PublicAddressResolver::new(networks.to_vec(), setting);
        Ok(Self { tls: TlsClient::of_settings(settings)?, resolver })
    }

    /// Fetches a text with one request, without redirects, in at most five seconds and 256 KiB.
    pub async fn text(&self, url: &str) -> Result<String, FetchError> {
        let url = https_url(url)?;
        let fetching = async {
            let stream = self.connect(&url).await?;
            exchange(stream, &url).await
        };
        tokio::time::timeout(TIMEOUT, fetching).await.unwrap_or(Err(FetchError::TimedOut))
    }

    /// Sends a JSON text to a receiver with the same limits: one request, no redirects, public or
    /// allowed addresses, at most five seconds.
    ///
    /// # Errors
    /// If the receiver does not respond. A response of any status is a success.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> Result<PostAnswer, FetchError> {
        let url = https_url(url)?;
        let sending = async {
            let stream = self.connect(&url).await?;
            post::post(stream, &url, headers, body).await
        };
        tokio::time::timeout(TIMEOUT, sending).await.unwrap_or(Err(FetchError::TimedOut))
    }

    async fn connect(&self, url: &Url) -> Result<TlsStream<LimitedStream<TcpStream>>, FetchError> {
        let addresses = self.resolver.resolve(url).await?;
        let stream = LimitedStream::new(connect_to_one(&addresses).await?, MAX_CONNECTION_BYTES);
        self.tls.connect(url, stream).await
    }
}

fn https_url(text: &str) -> Result<Url, FetchError> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https");
    url.ok_or(FetchError::NotHttps)
}

/// Connects to the first address that answers. Each address has an equal share of the time.
async fn connect_to_one(addresses: &[SocketAddr]) -> Result<TcpStream, FetchError> {
    let count = u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut failure = FetchError::NoAddress;
    for address in addresses {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT / count, TcpStream::connect(address));
        match connecting.await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = FetchError::Connect(*address, error),
        }
    }
    Err(failure)
}
