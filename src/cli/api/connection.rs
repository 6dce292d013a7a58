//! HTTP to the server of `--server`: one request a connection, bounded in time and bytes.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use url::{Position, Url};

use crate::cli::api::server_url::is_loopback;
use crate::remote_keys::fetch::{FetchError, TlsClient};
use crate::telemetry;

/// How long connecting may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an exchange may take: longer than a verification of a long audit log.
const TIMEOUT: Duration = Duration::from_mins(2);

/// The longest body that is read, in bytes: a page of a thousand clients is a tenth of this.
const MAX_BODY_BYTES: usize = 32 << 20;

const AGENT: &str = concat!("tokend/", env!("CARGO_PKG_VERSION"));

/// Connects to servers.
pub(super) struct Connector(TlsClient);

/// What a server answered.
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// The body.
    pub(super) body: Bytes,
}

/// Why an answer is missing.
pub(super) enum ExchangeError {
    /// The request was not sent.
    NotSent(String),
    /// The request was sent, so that it may have been carried out.
    NoAnswer(String),
}

impl ExchangeError {
    /// What happened.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::NotSent(text) | Self::NoAnswer(text) => text,
        }
    }
}

impl Connector {
    /// Connects to servers whose certificates the system trusts, or one of this file (PEM).
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let roots = ca_file.map(TlsClient::with_roots_of).transpose();
        let tls = roots.map_err(|error| telemetry::with_causes(&error))?.unwrap_or_default();
        Ok(Self(tls))
    }

    /// Sends a request, whose URI is that of the whole URL, and reads the answer.
    pub(super) async fn exchange(
        &self,
        url: &Url,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answer, ExchangeError> {
        let place = &url[..Position::AfterPort];
        let not_sent = |what: String| ExchangeError::NotSent(format!("{place}: {what}"));
        let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
        let host = host.map_err(|_| not_sent("the host cannot be written".to_owned()))?;
        let target = url[Position::BeforePath..Position::AfterQuery].parse();
        *request.uri_mut() = target.map_err(|_| not_sent("the path is malformed".to_owned()))?;
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let connecting = async {
            let stream = connect(url).await.map_err(|error| error.to_string())?;
            if url.scheme() == "http" {
                return Ok::<_, String>(Stream::Plain(stream));
            }
            let stream = self.0.connect(url, stream).await;
            let stream = stream.map_err(|error: FetchError| telemetry::with_causes(&error))?;
            Ok(Stream::Tls(Box::new(stream)))
        };
        let stream = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(problem)) => return Err(not_sent(format!("cannot connect: {problem}"))),
            Err(_) => return Err(not_sent(format!("no connection within {CONNECT_TIMEOUT:?}"))),
        };
        let sending = async {
            match stream {
                Stream::Plain(stream) => send(stream, request).await,
                Stream::Tls(stream) => send(*stream, request).await,
            }
        };
        match tokio::time::timeout(TIMEOUT, sending).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(problem)) => Err(ExchangeError::NoAnswer(format!("{place}: {problem}"))),
            Err(_) => {
                Err(ExchangeError::NoAnswer(format!("{place}: no answer within {TIMEOUT:?}")))
            }
        }
    }
}

enum Stream<T> {
    Plain(TcpStream),
    Tls(Box<T>),
}

/// Connects to the host of a URL. Over plain http only loopback addresses are connected to,
/// whatever a name resolves to.
async fn connect(url: &Url) -> io::Result<TcpStream> {
    let addresses = url.socket_addrs(|| None)?;
    let addresses: Vec<SocketAddr> = addresses
        .into_iter()
        .filter(|address| url.scheme() != "http" || address.ip().is_loopback())
        .collect();
    if addresses.is_empty() || (url.scheme() == "http" && !is_loopback(url)) {
        return Err(io::Error::other("the host has no address that may be connected to"));
    }
    TcpStream::connect(addresses.as_slice()).await
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: hyper::Error| telemetry::with_causes(&error);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let driving = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
    driving.abort();
    let body = body.map_err(|error| format!("the answer cannot be read: {error}"))?;
    Ok(Answer { status, body: body.to_bytes() })
}
