//! The stream below hyper: what it adds, what that costs, and the test that holds it.
//!
//! - **A deadline for each head**, from its first byte (`a_slow_peer_is_cut_off`). hyper's
//!   `header_read_timeout` counts from the end of the answer before: it would close an idle
//!   connection after the time of a head, and it sets a timer for each request. Here one timer a
//!   connection is set at most once in the time of a head; a request costs a look at the clock.
//! - **A time-out for a peer that does not read** (`a_peer_that_takes_no_answer_is_cut_off`). hyper
//!   has none. A timer exists only while the peer does not read.
//! - **A body for a malformed request** (`a_malformed_request_gets_a_json_rejection`). hyper writes an
//!   empty answer and has no hook for it. What hyper writes while no answer of the server is due is
//!   held back, and [`crate::server::connection`] writes its own answer. Two counters are compared
//!   at each write.
//!   If an earlier answer is not written yet, hyper's empty one goes out behind it. A peer that
//!   begins with HTTP/2 gets none.
//! - **A place for others** (`tests/it/listeners/connections.rs`): a connection that waits closes when a full
//!   listener needs its place. One atomic number is set for each head, request and wait.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::server::request_counter::RequestCounter;

/// How long a connection may be idle between two requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// How long a peer may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// For each head, counted from its first byte.
    pub(super) head: Duration,
    /// For taking what is written.
    pub(super) write: Duration,
}

/// A stream with the time-outs of a connection, which holds back the answers of hyper itself.
pub(super) struct TimeoutStream<S> {
    stream: S,
    timeouts: Timeouts,
    counter: Arc<RequestCounter>,
    /// The requests whose answers have been written as a whole.
    written: usize,
    /// True once hyper has written an answer of its own.
    has_withheld: bool,
    /// The requests that had been answered when the present wait began.
    waiting_since: usize,
    has_begun: bool,
    /// When the present wait ends.
    deadline: Instant,
    /// Goes off then, or earlier and is set anew: to move a timer costs more than to look at the
    /// clock, and the deadline moves with each request.
    alarm: Pin<Box<Sleep>>,
    /// The waker that the alarm and the activity have.
    waker: Option<Waker>,
    /// Set while the peer does not take what is written.
    unread: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TimeoutStream<S> {
    /// A stream of a connection with these requests.
    pub(super) fn new(stream: S, timeouts: Timeouts, counter: Arc<RequestCounter>) -> Self {
        Self {
            stream,
            timeouts,
            counter,
            written: 0,
            has_withheld: false,
            waiting_since: 0,
            // A connection that never sends a byte has as long as one that begins a head.
            has_begun: true,
            deadline: Instant::now() + timeouts.head,
            alarm: Box::pin(tokio::time::sleep(timeouts.head)),
            waker: None,
            unread: None,
        }
    }

    /// The peer, if it has had no answer because the only one was hyper's own.
    pub(super) fn into_unanswered(self) -> Option<S> {
        self.has_withheld.then_some(self.stream)
    }

    /// True while an answer of the server is not written as a whole. All that hyper writes at other
    /// times is an answer of its own to a head that it could not read.
    fn owes_answer(&self) -> bool {
        self.counter.begun() != self.written
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
        let limit = self.timeouts.write;
        let unread = self.unread.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        match unread.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Notes that a head has begun to arrive, and when it must be complete. False if the connection
    /// makes way for another one.
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

    /// Notes that a request has been answered since, so that the wait for the next one begins.
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

    /// Why the connection ends although no bytes have arrived, if it does. A request is not
    /// interrupted.
    fn ends(&mut self, context: &mut Context<'_>) -> Option<io::ErrorKind> {
        self.note_answers();
        if self.counter.is_serving() {
            return None;
        }
        // hyper polls a connection twice for each request, and the second time nothing is new. To
        // ask a timer costs locks, to look whether it has gone off does not.
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
            // The answer is still to be written.
            return Poll::Ready(Ok(()));
        }
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.note_write(outcome, context)
    }
}
