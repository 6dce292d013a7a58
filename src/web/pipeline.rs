//! The outermost layer of every listener. It assigns the request id, checks the head, writes the
//! body of rejections and logs one line.

use std::future::ready;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Bytes, HttpBody};
use axum::http::header::{ALLOW, CONTENT_LENGTH, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use futures_util::FutureExt;
use futures_util::future::Either;
use tower::Service;

use crate::app::rejections::RecentRejections;
use crate::config::LoggedRequests;
use crate::config::live::Live;
use crate::model::time::Clock;
use crate::oauth::caller::RequestOrigin;
use crate::oauth::error::OAuthError;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::metrics::http::{InFlight, ListenerName, OTHER};
use crate::telemetry::metrics::limiter::Limiter;
use crate::telemetry::trace_context::TraceParent;
use crate::telemetry::traces::Traces;
use crate::web::access_log::{AccessLine, LoggedClient, LoggedToken, Rejected};
use crate::web::api::Problem;
use crate::web::error_response::{ErrorFormat, ErrorResponse};
use crate::web::page::ErrorPage;
use crate::web::route_labels::{AnsweredRoute, KnownRoute, RouteLabels};
use crate::web::{address, certificate, request_id};
use crate::x509::certificate::ClientCertificate;

/// The header that names the caller's span (W3C Trace Context).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// State shared by all requests of a listener.
pub struct ListenerContext {
    /// The routes of the listener.
    pub routes: Router,
    /// The format of error bodies.
    pub error_format: ErrorFormat,
    /// Live settings: the header size limit and the trusted proxies.
    pub live: Live,
    /// Receives rejections for `tokend explain`.
    pub rejections: Arc<RecentRejections>,
    /// The clock that dates rejections.
    pub clock: Clock,
    /// Receives the request metrics.
    pub metrics: Arc<Metrics>,
    /// The name of this listener in metrics.
    pub listener: ListenerName,
    /// The routes with fixed paths.
    pub labels: RouteLabels,
    /// The requests that the access log includes.
    pub logged: LoggedRequests,
    /// Receives spans, if a collector is configured.
    pub traces: Option<Arc<Traces>>,
}

/// The peer of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The address and port of the peer.
    pub address: SocketAddr,
    /// The certificate presented in the TLS handshake.
    pub certificate: Option<Arc<ClientCertificate>>,
}

/// Answers one request of a peer.
///
/// Futures are chained, because an `async fn` would store the request twice, and hyper moves the
/// future.
pub fn answer<'a, B>(
    context: &'a ListenerContext,
    peer: &Peer,
    request: Request<B>,
) -> impl Future<Output = Response> + Send + use<'a, B>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let live = context.live.load();
    let trusted = &live.trusted_proxies;
    let (ip, headers) = (peer.address.ip(), request.headers());
    let is_trusted_proxy = address::is_trusted(ip, trusted);
    let client = address::of_client(peer.address, headers, trusted);
    let in_progress = RequestInProgress {
        context,
        started: Instant::now(),
        in_flight: context.metrics.http.begin(context.listener),
        known: context.labels.find(request.uri().path()),
        request_id: request_id::choose(headers, is_trusted_proxy),
        parent: trace_parent(headers),
        method: request.method().clone(),
        client,
    };
    let answering = match check_head(&request, live.limits.header_size) {
        Ok(()) => {
            let certificate =
                certificate::of_client(ip, peer.certificate.as_ref(), headers, trusted);
            let origin = RequestOrigin { address: client, certificate, is_trusted_proxy };
            Either::Left(route(context, origin, request))
        }
        Err(rejection) => Either::Right(ready(rejection.into_response())),
    };
    answering.map(|response| in_progress.finish(response))
}

/// Returns the caller's span. A repeated header is ignored, because no value can be preferred.
fn trace_parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let parent = TraceParent::parse(values.next()?.as_bytes())?;
    values.next().is_none().then_some(parent)
}

struct RequestInProgress<'a> {
    context: &'a ListenerContext,
    started: Instant,
    in_flight: InFlight<'a>,
    known: Option<&'a KnownRoute>,
    request_id: String,
    parent: Option<TraceParent>,
    method: Method,
    client: IpAddr,
}

impl RequestInProgress<'_> {
    /// Records and logs the response, and writes the body of a rejection.
    fn finish(self, mut response: Response) -> Response {
        let Self { context, started, in_flight, known, request_id, parent, method, client } = self;
        let (method, took) = (method.as_str(), started.elapsed());
        let route = AnsweredRoute::of(&context.metrics.http, known, &mut response);
        route.observe(method, response.status().as_u16(), took);
        let mut line = AccessLine {
            request_id: &request_id,
            trace_id: parent.map(|parent| parent.trace_id),
            method,
            route: route.label(),
            status: response.status(),
            took,
            client,
        };
        if let Some(traces) = context.traces.as_deref().filter(|_| !route.is_probe()) {
            line.trace_id = line.record_spans(traces, parent, started, &response);
        }
        if let Some(rejection) = response.extensions_mut().remove::<ErrorResponse>() {
            line.rejected(&Rejected::of(&rejection));
            response = reject(context, known, &rejection, &line, &mut response);
        } else if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            let client = response.extensions_mut().remove::<LoggedClient>();
            line.rejected(&Rejected::of_problem(&problem, client.as_ref()));
            response = reject_by_problem(context, &problem, &request_id, &mut response);
        } else if route.is_probe() {
            line.probed();
        } else if context.logged == LoggedRequests::All {
            log_answer(&line, &mut response);
        }
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(request_id)) {
            response.headers_mut().insert(request_id::HEADER, value);
        }
        in_flight.answered();
        response
    }
}

fn log_answer(line: &AccessLine<'_>, response: &mut Response) {
    if let Some(token) = response.extensions_mut().remove::<LoggedToken>() {
        return line.issued(&token);
    }
    let client = response.extensions_mut().remove::<LoggedClient>();
    line.answered(client.as_ref().map(|LoggedClient(id)| id.as_str()));
}

/// Counts and stores a rejection, and renders its response.
fn reject(
    context: &ListenerContext,
    known: Option<&KnownRoute>,
    rejection: &ErrorResponse,
    line: &AccessLine<'_>,
    response: &mut Response,
) -> Response {
    let (request_id, client) = (line.request_id, line.client);
    count_rejection(&context.metrics, known, rejection, request_id);
    if rejection.is_explained() {
        let now = context.clock.now();
        let record = || rejection.record(request_id, now, &client.to_string());
        context.rejections.note(client, rejection.about(), record);
    }
    let headers = std::mem::take(response.headers_mut());
    let mut answer = match response.extensions_mut().remove::<ErrorPage>() {
        Some(page) => page.render(rejection.status(), request_id),
        None => rejection.render(context.error_format, request_id),
    };
    keep_headers(headers, &mut answer);
    answer
}

/// Like [`reject`], for a rejection by the admin API.
fn reject_by_problem(
    context: &ListenerContext,
    problem: &Problem,
    request_id: &str,
    response: &mut Response,
) -> Response {
    context.metrics.other_rejections.count_problem(problem.code(), request_id);
    if problem.status() == StatusCode::TOO_MANY_REQUESTS {
        context.metrics.count_rate_limited(Limiter::AdminApi);
    }
    let headers = std::mem::take(response.headers_mut());
    let mut answer = match response.extensions_mut().remove::<ErrorPage>() {
        Some(page) => {
            let mut answer = page.render(problem.status(), request_id);
            problem.add_headers(&mut answer);
            answer
        }
        None => problem.render(request_id),
    };
    keep_headers(headers, &mut answer);
    answer
}

/// Copies headers that layers added before the body of a rejection was rendered. `Allow` is
/// skipped, because the router adds it to responses of every status.
fn keep_headers(headers: HeaderMap, response: &mut Response) {
    for (name, value) in headers {
        let Some(name) = name.filter(|name| ![CONTENT_LENGTH, ALLOW].contains(name)) else {
            continue;
        };
        response.headers_mut().entry(name).or_insert(value);
    }
}

fn count_rejection(
    metrics: &Metrics,
    known: Option<&KnownRoute>,
    rejection: &ErrorResponse,
    request_id: &str,
) {
    let is_token = known.is_some_and(|known| known.is_token);
    let rejections = if is_token { &metrics.token_rejections } else { &metrics.other_rejections };
    rejections.count(rejection.error_code(), rejection.reason_code(), request_id);
    if let Some(limiter) = Limiter::of(rejection.reason_code()) {
        metrics.count_rate_limited(limiter);
    }
}

/// Calls the handler of the path. A panic in a handler is a server error and ends only this
/// request.
fn route<B>(
    context: &ListenerContext,
    origin: RequestOrigin,
    mut request: Request<B>,
) -> impl Future<Output = Response> + Send + use<B>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    // axum allocates the extensions of each request anyway; this adds one box.
    request.extensions_mut().insert(origin);
    // Cloning a router only increments a reference count, and a router is always ready.
    let answering = context.routes.clone().call(request);
    AssertUnwindSafe(answering).catch_unwind().map(|answered| match answered {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            ErrorResponse::from(OAuthError::server_error("a handler panicked; see the log above"))
                .into_response()
        }
    })
}

/// Renders the response to a peer whose request is not valid HTTP, as raw bytes.
pub fn malformed_request_response(
    context: &ListenerContext,
    peer: &Peer,
    is_too_large: bool,
) -> Vec<u8> {
    let request_id = request_id::generate();
    let rejection = if is_too_large {
        ErrorResponse::head_too_large()
    } else {
        ErrorResponse::bad_http("The request is not valid HTTP/1.1.")
    };
    tracing::info!(
        request_id,
        http.response.status_code = rejection.status().as_u16(),
        client.address = %peer.address.ip().to_canonical(),
        error.type = rejection.code(),
        reason_code = rejection.reason_code().as_str(),
        reason = &*rejection.reason(),
        "request rejected"
    );
    let http = &context.metrics.http;
    http.other().observe(OTHER, rejection.status().as_u16(), Duration::ZERO);
    count_rejection(&context.metrics, None, &rejection, &request_id);
    rejection.render_raw(context.error_format, &request_id)
}

/// Checks what hyper does not check (RFC 9112, section 3.2). Only hyper frames bodies. If a request
/// has both chunked encoding and a length, hyper uses the chunks and closes the connection.
fn check_head<B>(request: &Request<B>, header_size: usize) -> Result<(), ErrorResponse> {
    let headers = request.headers();
    let (mut size, mut hosts) = (0, 0);
    for (name, value) in headers {
        size += name.as_str().len() + value.len() + 4;
        hosts += usize::from(name == HOST);
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if size + target > header_size {
        return Err(ErrorResponse::head_too_large());
    }
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(ErrorResponse::bad_http("A request has exactly one Host header."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use http_body_util::BodyExt;

    use super::*;
    use crate::config::sources::Flags;
    use crate::config::{Config, Requirement};

    fn live() -> Live {
        let config = Config::load(&Flags::default(), &[], Requirement::Nothing);
        Live::of(&config.expect("settings"))
    }

    /// N-04, W-23, W-44: a panic is answered like any other server error, without its details.
    #[tokio::test]
    async fn a_panic_is_answered_in_json_without_details() {
        let routes =
            Router::new().route("/", get(|| async { unreachable!("hush") as &'static str }));
        for (error_format, content_type) in [
            (ErrorFormat::OAuth, "application/json"),
            (ErrorFormat::Problem, "application/problem+json"),
        ] {
            let context = ListenerContext {
                routes: routes.clone(),
                error_format,
                live: live(),
                rejections: Arc::default(),
                clock: Clock::System,
                metrics: Arc::default(),
                listener: ListenerName::Public,
                labels: RouteLabels::default(),
                logged: LoggedRequests::All,
                traces: None,
            };
            let peer = Peer { address: ([127, 0, 0, 1], 1).into(), certificate: None };
            let mut request = Request::new(Body::empty());
            request.headers_mut().insert(HOST, HeaderValue::from_static("a"));
            let response = answer(&context, &peer, request).await;
            assert_eq!(response.status(), 500);
            assert_eq!(response.headers()["content-type"], content_type);
            assert!(response.headers().contains_key("x-request-id"));
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            let code =
                if error_format == ErrorFormat::OAuth { &body["error"] } else { &body["code"] };
            assert_eq!(code, "server_error");
            assert!(!body.to_string().contains("hush"), "{body}");
        }
    }
}
