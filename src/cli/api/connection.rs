//! HTTP connections to the server of `--server`: one request per connection, limited in time and
//! size.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use url::{Position, Url};

use crate::cli::api::lines::AnswerLines;
use crate::cli::api::server_url::is_loopback;
use crate::outbound::{FetchError, TlsClient};
use crate::telemetry;

/// The time limit for connecting, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit for an exchange: longer than the verification of a long audit log takes.
const TIMEOUT: Duration = Duration::from_mins(2);

/// The maximum length of a body, in bytes. A page of a thousand clients is a tenth of this.
const MAX_BODY_BYTES: usize = 32 << 20;

const AGENT: &str = concat!("tokend/", env!("CARGO_PKG_VERSION"));

pub(super) struct Connector(TlsClient);

/// A response of a server.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// A request without a response.
pub(super) enum ExchangeError {
    /// The request was not sent.
    NotSent(String),
    /// The request was sent, so it may have been carried out.
    NoAnswer(String),
}

impl ExchangeError {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::NotSent(text) | Self::NoAnswer(text) => text,
        }
    }
}

impl Connector {
    /// Creates a connector that trusts the system's certificates and those of `ca_file` (PEM).
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let roots = ca_file.map(TlsClient::with_roots_of).transpose();
        let tls = roots.map_err(|error| telemetry::with_causes(&error))?.unwrap_or_default();
        Ok(Self(tls))
    }

    /// Sends a request to a URL and reads the whole response.
    pub(super) async fn exchange(
        &self,
        url: &Url,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, ExchangeError> {
        let answer = self.open(url, request, TIMEOUT).await?;
        let place = answer.place.clone();
        let missing = |text: String| ExchangeError::NoAnswer(format!("{place}: {text}"));
        match tokio::time::timeout(TIMEOUT, answer.read_to_end()).await {
            Ok(whole) => whole.map_err(missing),
            Err(_) => Err(missing(format!("no answer within {TIMEOUT:?}"))),
        }
    }

    /// Sends a request and reads the head of the response, which must arrive within `timeout`.
    pub(super) async fn open<B>(
        &self,
        url: &Url,
        mut request: Request<B>,
        timeout: Duration,
    ) -> Result<OpenAnswer, ExchangeError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let place = &url[..Position::AfterPort];
        let not_sent = |what: String| ExchangeError::NotSent(format!("{place}: {what}"));
        let no_answer = |what: String| ExchangeError::NoAnswer(format!("{place}: {what}"));
        complete(&mut request, url).map_err(|problem| not_sent(problem.to_owned()))?;
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
        match tokio::time::timeout(timeout, sending).await {
            Ok(Ok((response, driving))) => {
                Ok(OpenAnswer { response, driving, place: place.to_owned() })
            }
            Ok(Err(problem)) => Err(no_answer(problem)),
            Err(_) => Err(no_answer(format!("no answer within {timeout:?}"))),
        }
    }
}

/// Sets the target and the headers of a request from a URL.
fn complete<B>(request: &mut Request<B>, url: &Url) -> Result<(), &'static str> {
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
    let host = host.map_err(|_| "the host cannot be written")?;
    let target = url[Position::BeforePath..Position::AfterQuery].parse();
    *request.uri_mut() = target.map_err(|_| "the path is malformed")?;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(())
}

/// A response whose body is not read yet. The connection is closed when this is dropped.
pub(super) struct OpenAnswer {
    response: Response<Incoming>,
    driving: JoinSet<hyper::Result<()>>,
    place: String,
}

impl OpenAnswer {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Reads the whole body, up to `MAX_BODY_BYTES`.
    pub(super) async fn read_to_end(self) -> Result<Answer, String> {
        let status = self.response.status();
        let body = Limited::new(self.response.into_body(), MAX_BODY_BYTES).collect().await;
        drop(self.driving);
        let body = body.map_err(|error| format!("the answer cannot be read: {error}"))?;
        Ok(Answer { status, body: body.to_bytes() })
    }

    /// Reads the body line by line. Fails if the server sends nothing for `silence`.
    pub(super) fn lines(self, silence: Duration) -> AnswerLines {
        AnswerLines::new(self.response.into_body(), self.driving, silence)
    }
}

enum Stream<T> {
    Plain(TcpStream),
    Tls(Box<T>),
}

/// Connects to the host of a URL. Over plain http it connects only to loopback addresses, whatever
/// the name resolves to.
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

type Sent = (Response<Incoming>, JoinSet<hyper::Result<()>>);

/// Sends a request over a stream and reads the head of the response. The `JoinSet` drives the
/// connection.
pub(in crate::cli) async fn send<S, B>(stream: S, request: Request<B>) -> Result<Sent, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
    send_boxed(Box::new(stream), request).await
}

trait AnyStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> AnyStream for S {}

type AnyBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Takes a boxed stream and body, so that hyper's client is compiled only once.
async fn send_boxed(stream: Box<dyn AnyStream>, request: Request<AnyBody>) -> Result<Sent, String> {
    let failed = |error: hyper::Error| telemetry::with_causes(&error);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // The set aborts the connection when it is dropped.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let response = sender.send_request(request).await.map_err(failed)?;
    Ok((response, driving))
}
