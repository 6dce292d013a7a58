//! HTTP to the identity provider of the console: GET and POST, with the limits of other fetches.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper::{HeaderMap, Method, Request};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use url::{Position, Url};

use crate::config::{FetchSettings, ProviderUrl};
use crate::outbound::limited::LimitedStream;
use crate::outbound::response::{AGENT, send_request};
use crate::outbound::{
    FetchError, Fetcher, MAX_CONNECTION_BYTES, TIMEOUT, connect_to_one, https_url,
};

/// The loopback networks.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// Connects to the identity provider. Addresses must be public or in `fetch.allowed_networks`.
/// Loopback addresses are permitted if the issuer is on this machine.
#[derive(Debug)]
pub struct ProviderClient {
    fetcher: Fetcher,
    is_plain: bool,
}

/// Response of the provider, with any status.
pub struct ProviderAnswer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. It may contain tokens.
    pub body: String,
}

impl ProviderClient {
    /// Creates a client of this provider.
    ///
    /// # Errors
    /// [`FetchError::UnusableCaSetting`].
    pub fn new(settings: &FetchSettings, issuer: &ProviderUrl) -> Result<Self, FetchError> {
        let mut networks = settings.allowed_networks.clone();
        if issuer.is_loopback() {
            networks.extend(LOOPBACK.iter().filter_map(|text| text.parse::<IpNet>().ok()));
        }
        let fetcher = Fetcher::within(settings, &networks, "fetch.allowed_networks")?;
        Ok(Self { fetcher, is_plain: issuer.is_plain() })
    }

    /// Fetches a document. Any status other than 2xx is an error.
    ///
    /// # Errors
    /// If the provider does not respond, or exceeds a limit.
    pub async fn text(&self, url: &str) -> Result<String, FetchError> {
        let answer = self.send(Method::GET, url, &HeaderMap::new(), Vec::new()).await?;
        match answer.status {
            200..300 => Ok(answer.body),
            status => Err(FetchError::Status(status)),
        }
    }

    /// Sends a request. It follows no redirect, and takes at most five seconds and 256 KiB.
    ///
    /// # Errors
    /// If the provider does not respond, or exceeds a limit.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &HeaderMap,
        body: Vec<u8>,
    ) -> Result<ProviderAnswer, FetchError> {
        let url = self.url(url)?;
        let mut request = Request::builder()
            .method(method)
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
            .header(USER_AGENT, AGENT)
            .header(CONNECTION, "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| FetchError::NotHttps)?;
        request.headers_mut().extend(headers.clone());
        request.headers_mut().entry(ACCEPT).or_insert(APPLICATION_JSON);
        let sending = async {
            if url.scheme() == "https" {
                return answer(self.fetcher.connect(&url).await?, request).await;
            }
            let addresses = self.fetcher.resolver.resolve(&url).await?;
            let stream = connect_to_one(&addresses).await?;
            answer(LimitedStream::new(stream, MAX_CONNECTION_BYTES), request).await
        };
        tokio::time::timeout(TIMEOUT, sending).await.unwrap_or(Err(FetchError::TimedOut))
    }

    /// Parses a URL of the provider: https, or http to this machine if its issuer uses that.
    fn url(&self, text: &str) -> Result<Url, FetchError> {
        match ProviderUrl::parse_endpoint(text) {
            Some(url) if self.is_plain => Ok(url),
            _ => https_url(text),
        }
    }
}

const APPLICATION_JSON: hyper::header::HeaderValue =
    hyper::header::HeaderValue::from_static("application/json");

async fn answer<S>(stream: S, request: Request<Full<Bytes>>) -> Result<ProviderAnswer, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut response = send_request(stream, request).await?;
    let headers = std::mem::take(&mut response.head.headers);
    let status = response.head.status.as_u16();
    Ok(ProviderAnswer { status, headers, body: response.text().await? })
}
