//! The stream below hyper. Each added feature is listed with its test and its cost.
//!
//! - **A deadline for each request head**, from its first byte (`a_slow_peer_is_cut_off`). The
//!   `header_read_timeout` of hyper starts at the end of the previous response. It would close idle
//!   connections after the limit for a head, and it sets a timer for each request. Here, one timer
//!   for each connection is set at most once within that limit. A request costs one reading of the
//!   clock.
//! - **A write timeout** (`a_peer_that_takes_no_answer_is_cut_off`), which hyper lacks. A timer
//!   exists only while the peer does not read.
//! - **A body for a malformed request** (`a_malformed_request_gets_a_json_rejection`). hyper writes
//!   an empty response and has no hook for it. Bytes that hyper writes while no response of the
//!   server is due are withheld, and [`crate::server::connection`] writes another response. This
//!   compares two counters for each write. If an earlier response is still unwritten, the empty one
//!   of hyper follows it. A peer that starts with HTTP/2 gets none.
//! - **Closing for others** (`tests/it/listeners/connections.rs`): a waiting connection closes when
//!   a full listener needs its slot. One atomic number is set for each head, request and wait.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::server::request_counter::RequestCounter;

/// Maximum idle time between two requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Time limits of a peer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// For each head, from its first byte.
    pub(super) head: Duration,
    /// For reading the bytes that the server writes.
    pub(super) write: Duration,
}

/// A stream with the timeouts of a connection, which withholds hyper's own responses.
pub(super) struct TimeoutStream<S> {
    stream: S,
    timeouts: Timeouts,
    counter: Arc<RequestCounter>,
    /// Number of requests whose whole response has been written.
    written: usize,
    /// True once hyper has written a response of its own.
    has_withheld: bool,
    /// Number of answered requests when the current wait began.
    waiting_since: usize,
    has_begun: bool,
    /// End of the current wait.
    deadline: Instant,
    /// Fires at the deadline or earlier, and is then reset. Moving a timer costs more than reading
    /// the clock, and the deadline moves with each request.
    alarm: Pin<Box<Sleep>>,
    /// The waker that is registered with the alarm and the activity.
    waker: Option<Waker>,
    /// Set while the peer does not read written bytes.
    unread: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TimeoutStream<S> {
    /// Creates the stream of a connection with this request counter.
    pub(super) fn new(stream: S, timeouts: Timeouts, counter: Arc<RequestCounter>) -> Self {
        Self {
            stream,
            timeouts,
            counter,
            written: 0,
            has_withheld: false,
            waiting_since: 0,
            // A connection without any byte has the same time limit as one that has begun a head.
            has_begun: true,
            deadline: Instant::now() + timeouts.head,
            alarm: Box::pin(tokio::time::sleep(timeouts.head)),
            waker: None,
            unread: None,
        }
    }

    /// Returns the peer if it got no response, because hyper's own response was withheld.
    pub(super) fn into_unanswered(self) -> Option<S> {
        self.has_withheld.then_some(self.stream)
    }

    /// True while a response of the server is not completely written. At other times, hyper writes
    /// only its own response to a head that it could not parse.
    fn owes_answer(&self) -> bool {
        self.counter.begun() != self.written
    }

    /// Returns the outcome of a write. Fails if the peer has not read anything for too long.
    fn note_write<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.unread = None;
            return outcome;
        }
        let limit = self.timeouts.write;
        let unread = self.unread.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        match unread.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Records that a head has begun to arrive, and its deadline. False if the connection must
    /// close for another one.
    fn note_bytes(&mut self) -> bool {
        self.note_answers();
        if self.counter.is_serving() {
            return true;
        }
        let now = Instant::now();
        if !self.has_begun {
            self.has_begun = true;
            self.deadline = now + self.timeouts.head;
        }
        self.counter.activity.begin_head(now.into_std())
    }

    /// Checks whether a request has been answered, so that the wait for the next one begins.
    fn note_answers(&mut self) {
        let count = self.counter.ended();
        if count != self.waiting_since {
            self.waiting_since = count;
            self.has_begun = false;
            let now = Instant::now();
            self.deadline = now + IDLE_TIMEOUT;
            if !self.counter.is_serving() {
                self.counter.activity.wait(now.into_std());
            }
        }
    }

    /// Returns the reason to end the connection while no bytes arrive, if there is one. A request
    /// is never interrupted.
    fn ends(&mut self, context: &mut Context<'_>) -> Option<io::ErrorKind> {
        self.note_answers();
        if self.counter.is_serving() {
            return None;
        }
        // hyper polls a connection twice for each request, and nothing has changed at the second
        // poll. Polling a timer takes locks; checking whether it has elapsed does not.
        let is_registered =
            self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        if !is_registered {
            self.waker = Some(context.waker().clone());
            self.counter.activity.register(context.waker());
        }
        if (!is_registered || self.alarm.is_elapsed()) && self.is_too_slow(context) {
            return Some(io::ErrorKind::TimedOut);
        }
        self.counter.activity.is_closed().then_some(io::ErrorKind::ConnectionAborted)
    }

    fn is_too_slow(&mut self, context: &mut Context<'_>) -> bool {
        while self.alarm.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            if now >= self.deadline {
                return true;
            }
            // Never later than the limit for a head, so that a head that begins meanwhile ends in
            // time.
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
        let end = match outcome {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                (!self.note_bytes()).then_some(io::ErrorKind::ConnectionAborted)
            }
            Poll::Pending => self.ends(context),
            Poll::Ready(_) => None,
        };
        end.map_or(outcome, |kind| Poll::Ready(Err(kind.into())))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.owes_answer() {
            self.has_withheld = true;
            return Poll::Ready(Ok(buffer.len()));
        }
        let outcome = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.note_write(outcome, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes the stream once its own buffer is empty.
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        if outcome.is_ready() && !self.counter.is_serving() {
            self.written = self.counter.begun();
        }
        self.note_write(outcome, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_withheld {
            // The replacement response has not been written yet.
            return Poll::Ready(Ok(()));
        }
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.note_write(outcome, context)
    }
}
