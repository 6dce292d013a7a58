//! Sends spans to an OpenTelemetry collector (OTLP over HTTP).
//!
//! The operator of the process configures the collector, so any address is permitted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response, Uri};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use url::{Position, Url};

use crate::config::FetchSettings;
use crate::outbound::handshake::handshake;
use crate::outbound::limited::LimitedStream;
use crate::outbound::response::AGENT;
use crate::outbound::{FetchError, MAX_CONNECTION_BYTES, TlsClient, connect_to_one};
use crate::telemetry::with_causes;

/// The time limit of one delivery.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum length of a response, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Delivers spans on behalf of a thread outside of the runtime.
pub struct OtlpClient {
    runtime: Handle,
    tls: Arc<TlsClient>,
    /// True if the last delivery failed, so that only the first failure is logged.
    is_failing: AtomicBool,
}

impl std::fmt::Debug for OtlpClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OtlpClient").finish_non_exhaustive()
    }
}

impl OtlpClient {
    /// Creates a client on this runtime that also trusts the certificates of these settings.
    ///
    /// # Errors
    /// [`FetchError::UnusableCaSetting`].
    pub fn new(runtime: Handle, settings: &FetchSettings) -> Result<Self, FetchError> {
        let tls = Arc::new(TlsClient::of_settings(settings)?);
        Ok(Self { runtime, tls, is_failing: AtomicBool::new(false) })
    }

    /// Logs when deliveries begin to fail, and when they recover.
    fn note(&self, problem: Option<&str>) {
        let was_failing = self.is_failing.swap(problem.is_some(), Ordering::Relaxed);
        match (problem, was_failing) {
            (Some(problem), false) => {
                tracing::warn!(problem, "spans cannot be delivered, and are dropped");
            }
            (None, true) => tracing::info!("spans are delivered again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for OtlpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let tls = self.tls.clone();
        let delivering = self.runtime.spawn(async move {
            let delivering = tokio::time::timeout(DELIVERY_TIMEOUT, deliver(&tls, request));
            delivering.await.unwrap_or(Err(FetchError::TimedOut))
        });
        match delivering.await? {
            Ok(answer) if answer.status().is_success() => {
                self.note(None);
                Ok(answer)
            }
            Ok(answer) => {
                self.note(Some(&format!("the collector answered {}", answer.status())));
                Ok(answer)
            }
            Err(error) => {
                self.note(Some(&with_causes(&error)));
                Err(error.into())
            }
        }
    }
}

async fn deliver(tls: &TlsClient, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
    let url = Url::parse(&request.uri().to_string()).map_err(|_| FetchError::NotHttps)?;
    let host = url.host_str().ok_or(FetchError::NotHttps)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().ok_or(FetchError::NotHttps)?;
    let found = tokio::net::lookup_host((host, port)).await.map_err(FetchError::Resolve)?;
    let addresses: Vec<_> = found.collect();
    let stream = LimitedStream::new(connect_to_one(&addresses).await?, MAX_CONNECTION_BYTES);
    if url.scheme() == "https" {
        let stream = tls.connect(&url, stream).await?;
        return exchange(stream, &url, request).await;
    }
    exchange(stream, &url, request).await
}

async fn exchange<S>(
    stream: S,
    url: &Url,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut head, body) = request.into_parts();
    let target = &url[Position::BeforePath..Position::AfterQuery];
    head.uri = target.parse::<Uri>().map_err(|_| FetchError::NotHttps)?;
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
    head.headers.insert(HOST, host.map_err(|_| FetchError::NotHttps)?);
    head.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    // The connection is aborted when this function ends or is cancelled.
    let (mut sender, _driving) = handshake(stream).await?;
    let request = Request::from_parts(head, Full::new(body));
    let (head, body) = sender.send_request(request).await.map_err(FetchError::Http)?.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|_| FetchError::TooLong)?.to_bytes();
    Ok(Response::from_parts(head, body))
}
