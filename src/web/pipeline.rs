//! The outermost layer: what every exchange has, whatever its path. An id, a look at the head, an
//! answer with a body, and one line in the log.

use std::future::ready;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{ALLOW, CONTENT_LENGTH, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use futures_util::FutureExt;
use futures_util::future::Either;
use ipnet::IpNet;
use tower::Service;

use crate::app::rejections::RecentRejections;
use crate::crypto::random;
use crate::model::time::Clock;
use crate::model::untrusted_text;
use crate::oauth::caller::RequestOrigin;
use crate::oauth::error::OAuthError;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::metrics::http::{InFlight, ListenerName, OTHER};
use crate::web::error_response::{ErrorFormat, ErrorResponse};
use crate::web::management::Problem;
use crate::web::page::ErrorPage;
use crate::web::route_labels::{self, KnownRoute, RouteLabels};
use crate::web::{address, certificate};
use crate::x509::certificate::ClientCertificate;

/// The header that names an exchange.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a listener needs to know about its exchanges.
pub struct ListenerContext {
    /// The routes.
    pub routes: Router,
    /// How errors are written.
    pub error_format: ErrorFormat,
    /// The largest head in bytes.
    pub header_size: usize,
    /// Networks whose headers may name the client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// Where rejections are noted.
    pub rejections: Arc<RecentRejections>,
    /// The time at which they are.
    pub clock: Clock,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// Which listener this is.
    pub listener: ListenerName,
    /// The routes whose path is known from the start.
    pub labels: RouteLabels,
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The certificate that it has shown in the handshake.
    pub certificate: Option<Arc<ClientCertificate>>,
}

/// Answers one request of a peer.
///
/// A chain of futures, because an `async fn` holds the request twice, and hyper copies the future.
pub fn answer<'a, B>(
    context: &'a ListenerContext,
    peer: &Peer,
    request: Request<B>,
) -> impl Future<Output = Response> + Send + use<'a, B>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let trusted = &context.trusted_proxies;
    let client = address::of_client(peer.address, request.headers(), trusted);
    let exchange = Exchange {
        context,
        started: Instant::now(),
        in_flight: context.metrics.http.begin(context.listener),
        known: context.labels.find(request.uri().path()),
        request_id: request_id(),
        line: Line { method: request.method().clone(), client },
    };
    let answering = match check_head(&request, context.header_size) {
        Ok(()) => {
            let (ip, shown) = (peer.address.ip(), peer.certificate.as_ref());
            let shown = certificate::of_client(ip, shown, request.headers(), trusted);
            let is_trusted_proxy = address::is_trusted(ip, trusted);
            let origin = RequestOrigin { address: client, shown, is_trusted_proxy };
            Either::Left(route(context, origin, request))
        }
        Err(rejection) => Either::Right(ready(rejection.into_response())),
    };
    answering.map(|response| exchange.finish(response))
}

/// What is known of a request while it is being answered.
struct Exchange<'a> {
    context: &'a ListenerContext,
    started: Instant,
    in_flight: InFlight<'a>,
    known: Option<&'a KnownRoute>,
    request_id: String,
    line: Line,
}

impl Exchange<'_> {
    /// Counts and logs the answer, and writes the body of a rejection.
    fn finish(self, mut response: Response) -> Response {
        let Self { context, started, in_flight, known, request_id, line } = self;
        count(context, known, &line.method, &mut response, started);
        if let Some(rejection) = response.extensions_mut().remove::<ErrorResponse>() {
            count_rejection(&context.metrics, known, &rejection, &request_id);
            line.refused(rejection.status(), rejection.code(), &rejection.reason(), &request_id);
            if rejection.is_explained() {
                let (now, client) = (context.clock.now(), line.client);
                let record = || rejection.record(&request_id, now, &client.to_string());
                context.rejections.note(client, rejection.about(), record);
            }
            let headers = std::mem::take(response.headers_mut());
            response = match response.extensions_mut().remove::<ErrorPage>() {
                Some(page) => page.render(rejection.status(), &request_id),
                None => rejection.render(context.error_format, &request_id),
            };
            keep_headers(headers, &mut response);
        } else if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            if problem.status() == StatusCode::TOO_MANY_REQUESTS {
                context.metrics.rate_limited.count_value("admin_api");
            }
            let reason = untrusted_text::escape(problem.reason());
            line.refused(problem.status(), problem.code(), &reason, &request_id);
            let headers = std::mem::take(response.headers_mut());
            response = match response.extensions_mut().remove::<ErrorPage>() {
                Some(page) => page.render(problem.status(), &request_id),
                None => problem.render(&request_id),
            };
            keep_headers(headers, &mut response);
        } else {
            line.answered(&response, &request_id, started);
        }
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(request_id)) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        in_flight.answered();
        response
    }
}

/// Keeps the headers that layers have added to an answer whose body is written only here. The
/// answer itself says which methods are allowed: the router names them for every status.
fn keep_headers(headers: HeaderMap, response: &mut Response) {
    for (name, value) in headers {
        let Some(name) = name.filter(|name| ![CONTENT_LENGTH, ALLOW].contains(name)) else {
            continue;
        };
        response.headers_mut().entry(name).or_insert(value);
    }
}

/// Counts an answer at its route.
fn count(
    context: &ListenerContext,
    known: Option<&KnownRoute>,
    method: &Method,
    response: &mut Response,
    started: Instant,
) {
    let http = &context.metrics.http;
    let (method, code, took) = (method.as_str(), response.status().as_u16(), started.elapsed());
    if let Some(known) = known {
        return known.route.observe(method, code, took);
    }
    match route_labels::of_answer(http, response) {
        Some(route) => route.observe(method, code, took),
        None => http.other().observe(method, code, took),
    }
}

/// Counts a rejection by its reason.
fn count_rejection(
    metrics: &Metrics,
    known: Option<&KnownRoute>,
    rejection: &ErrorResponse,
    request_id: &str,
) {
    let is_token = known.is_some_and(|known| known.is_token);
    let rejections = if is_token { &metrics.token_rejections } else { &metrics.other_rejections };
    rejections.count(rejection.error_code(), rejection.cause(), request_id);
    if let Some(limiter) = rejection.cause().limiter() {
        metrics.rate_limited.count_value(limiter);
    }
}

/// Calls what is at the path. A panic there is our fault and ends this request only.
fn route<B>(
    context: &ListenerContext,
    origin: RequestOrigin,
    mut request: Request<B>,
) -> impl Future<Output = Response> + Send + use<B>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    // axum has a map of extensions in each request anyway; this adds one box to it.
    request.extensions_mut().insert(origin);
    // A clone is one more reference, and a router is always ready.
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

/// An answer to a peer whose request could not even be read as HTTP, ready to be written.
pub fn malformed_request_response(context: &ListenerContext, is_too_large: bool) -> Vec<u8> {
    let request_id = request_id();
    let rejection = if is_too_large {
        ErrorResponse::head_too_large()
    } else {
        ErrorResponse::bad_http("The request is not proper HTTP/1.1.")
    };
    tracing::info!(
        request_id,
        status = rejection.status().as_u16(),
        reason = &*rejection.reason(),
        "request refused"
    );
    let http = &context.metrics.http;
    http.other().observe(OTHER, rejection.status().as_u16(), Duration::ZERO);
    count_rejection(&context.metrics, None, &rejection, &request_id);
    rejection.render_raw(context.error_format, &request_id)
}

/// An id to find a request by: `req_` and 20 letters and digits.
pub(super) fn request_id() -> String {
    // Without randomness nothing else works either; an id that repeats does no harm then.
    random::identifier("req_").unwrap_or_else(|_| "req_unknown".to_owned())
}

/// Looks at what hyper lets pass (RFC 9112, section 3.2). Bodies are framed by hyper alone, which
/// takes chunks over a length and closes the connection after a request that names both.
fn check_head<B>(request: &Request<B>, header_size: usize) -> Result<(), ErrorResponse> {
    let headers = request.headers();
    let size: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if size + target > header_size {
        return Err(ErrorResponse::head_too_large());
    }
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(ErrorResponse::bad_http("A request has exactly one Host header."));
    }
    Ok(())
}

/// What the log says about an exchange. Never a path, a query or a header: they may hold a secret.
/// Of the caller's text only what a rejection itself repeats is in it.
struct Line {
    method: Method,
    client: IpAddr,
}

impl Line {
    fn refused(&self, status: StatusCode, error: &str, reason: &str, request_id: &str) {
        let (method, client) = (self.method.as_str(), self.client);
        let is_ours = status.is_server_error();
        let status = status.as_u16();
        if is_ours {
            tracing::error!(request_id, method, status, error, reason, client.address = %client, "request failed");
        } else {
            tracing::info!(request_id, method, status, error, reason, client.address = %client, "request refused");
        }
    }

    fn answered(&self, response: &Response<Body>, request_id: &str, started: Instant) {
        tracing::debug!(
            request_id,
            method = self.method.as_str(),
            status = response.status().as_u16(),
            duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            client.address = %self.client,
            "request answered"
        );
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use http_body_util::BodyExt;

    use super::*;

    /// N-04, W-23: a panic, which is our fault, answers like every other failure and tells nothing.
    #[tokio::test]
    async fn a_panic_is_answered_in_json_without_a_word_about_it() {
        let routes =
            Router::new().route("/", get(|| async { unreachable!("hush") as &'static str }));
        for (error_format, content_type) in [
            (ErrorFormat::OAuth, "application/json"),
            (ErrorFormat::Problem, "application/problem+json"),
        ] {
            let context = ListenerContext {
                routes: routes.clone(),
                error_format,
                header_size: 1000,
                trusted_proxies: Vec::new(),
                rejections: Arc::default(),
                clock: Clock::System,
                metrics: Arc::default(),
                listener: ListenerName::Public,
                labels: RouteLabels::default(),
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
