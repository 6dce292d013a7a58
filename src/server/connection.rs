//! One connection: HTTP/1.1 by hyper, with the three things hyper leaves out. A peer has a
//! deadline for its head, which is another one than that for an idle connection; it has one for
//! taking what we write; and whoever does not speak HTTP is answered with a body like everybody
//! else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::server::activity::Activity;
use crate::web::{self, ErrorFormat, ListenerContext, Peer};

/// How long a connection may lie idle between two requests.
const IDLE: Duration = Duration::from_secs(75);

/// The smallest buffer that hyper works with.
const MIN_BUFFER_BYTES: usize = 8192;

/// How long a peer may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    head: Duration,
    unread: Duration,
}

impl Timeouts {
    /// A peer has `head` for each head, counted from its first byte, and may leave what we write
    /// lying for `unread`.
    pub(super) fn new(head: Duration, unread: Duration) -> Self {
        Self { head, unread }
    }
}

/// Answers requests until the peer goes, is too slow, or the server stops.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: Peer,
    context: Arc<ListenerContext>,
    timeouts: Timeouts,
    activity: Arc<Activity>,
    watcher: Watcher,
) {
    let counter = Arc::new(RequestCounter::new(activity));
    let stream = TimeoutStream::new(stream, context.error_format, timeouts, counter.clone());
    let header_size = context.header_size;
    let address = peer.address;
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (context, counter, peer) = (context.clone(), counter.clone(), peer.clone());
        async move {
            if !counter.begin() {
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
            }
            let response = web::answer(&context, &peer, request).await;
            counter.end();
            Ok(response)
        }
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(header_size)
        .max_buf_size(MIN_BUFFER_BYTES.max(header_size) + MIN_BUFFER_BYTES)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    // What goes wrong here is the peer's doing: it left, was too slow, or spoke nonsense.
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(peer = %address, %error, "connection ended");
    }
}

/// How many requests of a connection have begun and ended.
struct RequestCounter {
    begun: AtomicUsize,
    ended: AtomicUsize,
    activity: Arc<Activity>,
}

impl RequestCounter {
    fn new(activity: Arc<Activity>) -> Self {
        Self { begun: AtomicUsize::new(0), ended: AtomicUsize::new(0), activity }
    }

    /// Notes that a request is answered from now on; false if the connection makes way for another
    /// one, and the request must not be answered.
    fn begin(&self) -> bool {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.activity.begin_request()
    }

    fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn is_serving(&self) -> bool {
        self.begun.load(Ordering::Relaxed) != self.ended.load(Ordering::Relaxed)
    }

    fn count(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }
}

/// A stream that is watched while a head is awaited.
struct TimeoutStream<S> {
    stream: S,
    error_format: ErrorFormat,
    timeouts: Timeouts,
    counter: Arc<RequestCounter>,
    /// The requests that had been answered when the present wait began.
    waiting_since: usize,
    has_begun: bool,
    /// When the present wait is over.
    deadline: Instant,
    /// Goes off then, or earlier and is set anew: to move a timer costs more than to look at the
    /// clock, and the deadline moves with each request.
    alarm: Pin<Box<Sleep>>,
    /// Set while the peer does not take what we write.
    unread: Option<Pin<Box<Sleep>>>,
    replacement: Option<Replacement>,
}

/// An answer of ours that is written in place of hyper's empty one.
struct Replacement {
    bytes: Vec<u8>,
    written: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TimeoutStream<S> {
    fn new(
        stream: S,
        error_format: ErrorFormat,
        timeouts: Timeouts,
        counter: Arc<RequestCounter>,
    ) -> Self {
        Self {
            stream,
            error_format,
            timeouts,
            counter,
            waiting_since: 0,
            // A connection that never says a word has as long as one that begins to.
            has_begun: true,
            deadline: Instant::now() + timeouts.head,
            alarm: Box::pin(tokio::time::sleep(timeouts.head)),
            unread: None,
            replacement: None,
        }
    }

    /// Passes on what a write came to, and gives up on a peer that takes nothing for too long.
    fn note_write<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.unread = None;
            return outcome;
        }
        let limit = self.timeouts.unread;
        let unread = self.unread.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        match unread.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes what hyper gave us, or our own answer in place of an empty one.
    fn write(&mut self, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        if self.replacement.is_none()
            && let Some(is_too_large) = is_empty_rejection(buffer)
        {
            let bytes = web::malformed_request_response(self.error_format, is_too_large);
            self.replacement = Some(Replacement { bytes, written: 0 });
        }
        let Self { stream, replacement, .. } = self;
        let Some(replacement) = replacement else {
            return Pin::new(stream).poll_write(context, buffer);
        };
        while let Some(rest) =
            replacement.bytes.get(replacement.written..).filter(|rest| !rest.is_empty())
        {
            let written = ready!(Pin::new(&mut *stream).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            replacement.written += written;
        }
        Poll::Ready(Ok(buffer.len()))
    }

    /// Notes that a head has begun to arrive, and when it must be complete. False if the connection
    /// makes way for another one.
    fn note_bytes(&mut self) -> bool {
        self.note_answers();
        if self.counter.is_serving() {
            return true;
        }
        if !self.has_begun {
            self.has_begun = true;
            self.deadline = Instant::now() + self.timeouts.head;
        }
        self.counter.activity.begin_head()
    }

    /// Notes that a request has been answered since, so that the wait for the next one begins.
    fn note_answers(&mut self) {
        let count = self.counter.count();
        if count != self.waiting_since {
            self.waiting_since = count;
            self.has_begun = false;
            self.deadline = Instant::now() + IDLE;
            if !self.counter.is_serving() {
                self.counter.activity.wait();
            }
        }
    }

    fn is_too_slow(&mut self, context: &mut Context<'_>) -> bool {
        self.note_answers();
        if self.counter.is_serving() {
            return false;
        }
        while self.alarm.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            if now >= self.deadline {
                return true;
            }
            // Never further ahead than a head may take: one that begins meanwhile ends in time.
            self.alarm.as_mut().reset(self.deadline.min(now + self.timeouts.head));
        }
        false
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        match outcome {
            Poll::Ready(Ok(())) if buffer.filled().len() > before && !self.note_bytes() => {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            Poll::Pending if self.is_too_slow(context) => {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            Poll::Pending if self.counter.activity.is_closed(context) => {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            _ => {}
        }
        outcome
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = self.write(context, buffer);
        self.note_write(outcome, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.note_write(outcome, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.note_write(outcome, context)
    }
}

/// True or false if these bytes are an answer that hyper wrote by itself, because it could not
/// read a head: true if the head was too large. Our own answers all carry a request id.
fn is_empty_rejection(bytes: &[u8]) -> Option<bool> {
    const ID: &[u8] = b"x-request-id";
    let status = bytes.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    if status.first() != Some(&b'4') {
        return None;
    }
    let is_ours = bytes.windows(ID.len()).any(|window| window == ID);
    (!is_ours).then_some(status == b"431" || status == b"414")
}
