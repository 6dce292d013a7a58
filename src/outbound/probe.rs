//! Probes a server as its clients see it: one GET, with status, headers, body and certificate.

use std::path::Path;

use hyper::HeaderMap;
use tokio::net::TcpStream;
use url::{Host, Url};

use crate::outbound::limited::LimitedStream;
use crate::outbound::response::{OpenResponse, send};
use crate::outbound::tls::TlsClient;
use crate::outbound::{FetchError, MAX_CONNECTION_BYTES, TIMEOUT, connect_to_one};
use crate::x509::server_certificate::ServerCertificate;

/// The maximum number of addresses of a host that are tried.
const MAX_ADDRESSES: usize = 4;

/// Probes servers. It connects to any address, so the URL must come from an operator, who could
/// connect by other means as well. It must never come from a request or the database.
#[derive(Default)]
pub struct Probe {
    tls: TlsClient,
}

/// Response of a server.
#[derive(Debug)]
pub struct ProbeAnswer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
    /// The certificate of the server; `None` over plain HTTP.
    pub certificate: Option<ServerCertificate>,
}

impl Probe {
    /// Creates a probe that also trusts the certificates of a file (PEM).
    ///
    /// # Errors
    /// [`FetchError::UnusableCa`].
    pub fn with_roots_of(path: &Path) -> Result<Self, FetchError> {
        Ok(Self { tls: TlsClient::with_roots_of(path)? })
    }

    /// Sends one GET with these headers, over TLS or to this machine. It follows no redirect, and
    /// takes at most five seconds and 256 KiB.
    ///
    /// # Errors
    /// If the server does not respond, or exceeds a limit. A response of any status is a success.
    pub async fn get(
        &self,
        url: &Url,
        headers: &[(&'static str, &str)],
    ) -> Result<ProbeAnswer, FetchError> {
        let getting = async {
            let stream = LimitedStream::new(connect(url).await?, MAX_CONNECTION_BYTES);
            if url.scheme() != "https" {
                return answer(send(stream, url, headers).await?, None).await;
            }
            let stream = self.tls.connect(url, stream).await?;
            let sent = stream.get_ref().1.peer_certificates();
            let certificate = sent.and_then(ServerCertificate::of_chain);
            answer(send(stream, url, headers).await?, certificate).await
        };
        tokio::time::timeout(TIMEOUT, getting).await.unwrap_or(Err(FetchError::TimedOut))
    }
}

async fn answer(
    mut response: OpenResponse,
    certificate: Option<ServerCertificate>,
) -> Result<ProbeAnswer, FetchError> {
    let headers = std::mem::take(&mut response.head.headers);
    let status = response.head.status.as_u16();
    Ok(ProbeAnswer { status, headers, body: response.text().await?, certificate })
}

/// Connects to the host of a URL. Plain HTTP is permitted only to loopback addresses.
async fn connect(url: &Url) -> Result<TcpStream, FetchError> {
    let port = url.port_or_known_default().ok_or(FetchError::NotHttps)?;
    let host = match url.host().ok_or(FetchError::NotHttps)? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let found = tokio::net::lookup_host((host, port)).await.map_err(FetchError::Resolve)?;
    let is_plain = url.scheme() != "https";
    let addresses: Vec<_> = found
        .filter(|address| !is_plain || address.ip().is_loopback())
        .take(MAX_ADDRESSES)
        .collect();
    connect_to_one(&addresses).await
}
