//! Starts an HTTP/1.1 connection over any stream.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::outbound::FetchError;

/// The maximum size of a response head, in bytes.
pub(super) const MAX_HEAD_BYTES: usize = 32 << 10;

/// The task that drives a connection. Dropping it aborts the connection.
pub(super) type Driving = JoinSet<hyper::Result<()>>;

/// Any byte stream.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Starts a connection, with a limit for response heads.
///
/// # Errors
/// The error of the connection.
pub(super) async fn handshake<S>(
    stream: S,
) -> Result<(SendRequest<Full<Bytes>>, Driving), FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    begin(Box::new(stream)).await
}

/// The stream has one boxed type, so that hyper's client is compiled once.
async fn begin(stream: Box<dyn Stream>) -> Result<(SendRequest<Full<Bytes>>, Driving), FetchError> {
    let mut builder = Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES).max_header_size(MAX_HEAD_BYTES);
    let (sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(FetchError::Http)?;
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    Ok((sender, driving))
}
