//! What a connection is doing, as one number: written by the connection without a lock, read when
//! a listener is full.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::task::AtomicWaker;

/// A request is being read or answered.
const BUSY: u64 = 0;

/// The connection has been told to close.
const CLOSED: u64 = 1;

/// Set while a request head has begun to arrive. Below it is the time of the beginning, so that
/// the smaller of two numbers is the one to close first.
const HEAD: u64 = 1 << 62;

/// What a connection is doing. All other numbers are the time, in nanoseconds, since when it has
/// been idle.
#[derive(Debug)]
pub(super) struct Activity {
    state: AtomicU64,
    waker: AtomicWaker,
    network: Option<IpAddr>,
}

impl Activity {
    /// A new connection, which is idle until its first byte arrives.
    pub(super) fn new(network: Option<IpAddr>) -> Self {
        Self { state: AtomicU64::new(now()), waker: AtomicWaker::new(), network }
    }

    /// The network whose place the connection has taken.
    pub(super) fn network(&self) -> Option<IpAddr> {
        self.network
    }

    /// Notes that the connection waits for a request.
    pub(super) fn wait(&self) {
        self.set(|_| now());
    }

    /// Notes that a head has begun to arrive; false if the connection must close instead.
    pub(super) fn begin_head(&self) -> bool {
        self.set(|state| if Self::is_idle(state) { HEAD | now() } else { state })
    }

    /// Notes that a request is being answered; false if the connection must close instead.
    pub(super) fn begin_request(&self) -> bool {
        self.set(|_| BUSY)
    }

    /// True if the connection must close. Wakes the caller when that changes.
    pub(super) fn is_closed(&self, context: &Context<'_>) -> bool {
        // Register first: a change between the look and the registration would be missed.
        self.waker.register(context.waker());
        self.state.load(Ordering::Acquire) == CLOSED
    }

    /// Waits until the connection must close.
    pub(super) async fn closed(&self) {
        let closed = |context: &mut Context<'_>| {
            if self.is_closed(context) { Poll::Ready(()) } else { Poll::Pending }
        };
        poll_fn(closed).await;
    }

    /// The state, if the connection waits for a request or for the rest of a head.
    pub(super) fn waiting_state(&self) -> Option<u64> {
        Some(self.state.load(Ordering::Acquire)).filter(|state| *state > CLOSED)
    }

    /// True for a state of a connection of which no byte of a request has arrived.
    pub(super) fn is_idle(state: u64) -> bool {
        state > CLOSED && state < HEAD
    }

    /// Closes the connection if it is still in this state.
    pub(super) fn close(&self, state: u64) -> bool {
        let closing =
            self.state.compare_exchange(state, CLOSED, Ordering::AcqRel, Ordering::Acquire);
        if closing.is_ok() {
            self.waker.wake();
        }
        closing.is_ok()
    }

    fn set(&self, next: impl Fn(u64) -> u64) -> bool {
        let next = |state: u64| (state != CLOSED).then(|| next(state));
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }
}

/// Nanoseconds since the first call, from a number on that is not a state of its own.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed().as_nanos();
    u64::try_from(elapsed).unwrap_or(HEAD).clamp(CLOSED + 1, HEAD - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_waits_can_be_closed_once_and_one_that_serves_cannot() {
        let activity = Activity::new(None);
        let idle = activity.waiting_state().expect("idle at first");
        assert!(Activity::is_idle(idle));
        assert!(activity.begin_head());
        let head = activity.waiting_state().expect("half a head");
        assert!(!Activity::is_idle(head) && head > idle);
        assert!(activity.begin_head());
        assert_eq!(activity.waiting_state(), Some(head), "the time of its first byte");
        assert!(!activity.close(idle), "no longer in this state");
        assert!(activity.begin_request());
        assert_eq!(activity.waiting_state(), None);
        activity.wait();
        let idle = activity.waiting_state().expect("idle again");
        assert!(activity.close(idle));
        assert!(!activity.close(idle));
        activity.wait();
        assert!(!activity.begin_head() && !activity.begin_request(), "closed for good");
    }
}
