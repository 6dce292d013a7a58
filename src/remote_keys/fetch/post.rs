//! One POST to a receiver of ours, over any stream.

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use url::{Position, Url};

use crate::remote_keys::fetch::FetchError;
use crate::remote_keys::fetch::response::{AGENT, MAX_HEAD_BYTES};

/// Sends a JSON text with some headers. The body of the answer is not read.
///
/// # Errors
/// Another status than 2xx, or malformed HTTP.
pub(super) async fn post<S>(
    stream: S,
    url: &Url,
    headers: &[(&'static str, &str)],
    body: String,
) -> Result<(), FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request = Request::post(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, AGENT)
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|_| FetchError::NotHttps)?;
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES).max_header_size(MAX_HEAD_BYTES);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(FetchError::Http)?;
    // The set aborts the connection when this function ends, or its caller gives up.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let response = sender.send_request(request).await.map_err(FetchError::Http)?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(FetchError::Status(status.as_u16())) }
}
