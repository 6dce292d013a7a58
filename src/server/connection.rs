//! One connection: HTTP/1.1 by hyper over a [`TimeoutStream`], which adds features that hyper
//! lacks.

use std::future::{Future, poll_fn, ready};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use crate::server::activity::Activity;
use crate::server::request_counter::RequestCounter;
use crate::server::timeout_stream::{TimeoutStream, Timeouts};
use crate::server::write_batch::WriteBatch;
use crate::web::{self, ListenerContext, Peer};

/// Minimum buffer size of hyper.
const MIN_BUFFER_BYTES: usize = 8192;

/// Answers requests until the peer disconnects, is too slow, or the server stops. After a change of
/// `stopping`, the connection finishes the current request. The listener that changes it also wakes
/// the activity.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: Peer,
    context: Arc<ListenerContext>,
    timeouts: Timeouts,
    activity: Arc<Activity>,
    batch: Arc<WriteBatch>,
    stopping: watch::Receiver<()>,
) {
    let counter = Arc::new(RequestCounter::new(activity));
    let header_size = context.live.load().limits.header_size;
    let mut stream = TimeoutStream::new(stream, timeouts, counter.clone());
    let service = service_fn(|request: hyper::Request<Incoming>| match counter.begin() {
        Some(begun) => {
            let (batch, started) = (batch.clone(), Instant::now());
            let answering = web::answer(&context, &peer, request)
                .then(move |response| batch.wait(response, started));
            Either::Left(answering.map(|answer| Ok(answer.map(|body| begun.answer(body)))))
        }
        None => Either::Right(ready(Err(io::Error::from(io::ErrorKind::ConnectionAborted)))),
    });
    let ended = {
        // hyper borrows the stream, which may still have to explain a parse error to the peer.
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(header_size)
            .max_buf_size(MIN_BUFFER_BYTES.max(header_size) + MIN_BUFFER_BYTES)
            .half_close(true)
            .serve_connection(TokioIo::new(&mut stream), service);
        let mut connection = pin!(connection);
        let mut is_stopping = false;
        // Checking the flag costs one load. Polling a future for the change would cost two locks
        // for each request.
        poll_fn(|context| {
            loop {
                if !is_stopping && is_told_to_stop(&stopping) {
                    is_stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                let ended = connection.as_mut().poll(context);
                // The flag may have changed before the stream registered its waker.
                if ended.is_ready() || is_stopping || !is_told_to_stop(&stopping) {
                    return ended;
                }
            }
        })
        .await
    };
    // The peer caused this error: it disconnected, was too slow, or is not an HTTP client.
    let Err(error) = ended else { return };
    tracing::debug!(client.address = %peer.address.ip().to_canonical(), %error, "connection ended");
    if error.is_parse()
        && let Some(stream) = stream.into_unanswered()
    {
        let is_too_large = error.is_parse_too_large();
        let answer = web::malformed_request_response(&context, &peer, is_too_large);
        write_last(stream, &answer, timeouts.write).await;
    }
}

/// True if the server is stopping.
fn is_told_to_stop(stopping: &watch::Receiver<()>) -> bool {
    stopping.has_changed().unwrap_or(true)
}

/// Writes the last bytes of a connection and closes it. Gives up if the peer does not read them in
/// time.
async fn write_last<S: AsyncWrite + Unpin>(mut stream: S, bytes: &[u8], limit: Duration) {
    let writing = async {
        stream.write_all(bytes).await?;
        stream.shutdown().await
    };
    let _ = tokio::time::timeout(limit, writing).await;
}
