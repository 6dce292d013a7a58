//! HTTP client of commands for a server on this host: sends one small request.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use tokio::net::TcpStream;

use crate::cli::api::connection;

/// The time limit for an exchange.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum length of a body, in bytes.
const MAX_BODY_BYTES: usize = 1 << 20;

pub(crate) struct HttpResponse {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

/// Fetches a path from a local server.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<HttpResponse, String> {
    exchange(address, Method::GET, path, None).await
}

/// Posts a form with an `Authorization` header to a local server.
pub(crate) async fn post_form(
    address: SocketAddr,
    path: &str,
    authorization: &str,
    form: &str,
) -> Result<HttpResponse, String> {
    exchange(address, Method::POST, path, Some((authorization, form))).await
}

/// Returns the address at which this host can reach a listener.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn exchange(
    address: SocketAddr,
    method: Method,
    path: &str,
    form: Option<(&str, &str)>,
) -> Result<HttpResponse, String> {
    let mut request = Request::builder().method(method).uri(path).header(HOST, address.to_string());
    let mut body = Bytes::new();
    if let Some((authorization, form)) = form {
        request = request
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        body = Bytes::copy_from_slice(form.as_bytes());
    }
    let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
    match tokio::time::timeout(TIMEOUT, send(address, request)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("{address} did not answer within {TIMEOUT:?}")),
    }
}

async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<HttpResponse, String> {
    let failed = |error: String| format!("{address} did not answer: {error}");
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| format!("cannot connect to {address}: {error}"))?;
    let (response, driving) = connection::send(stream, request).await.map_err(failed)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
    drop(driving);
    let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
    Ok(HttpResponse { status, body: String::from_utf8_lossy(&body).into_owned() })
}
