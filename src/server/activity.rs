//! Activity of a connection as one atomic number. The connection writes it without a lock, and a
//! full listener reads it.

use std::future::poll_fn;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures_util::task::AtomicWaker;

use crate::model::network::ClientNetwork;

/// A request is being received or answered.
const BUSY: u64 = 0;

/// The connection must close.
const CLOSED: u64 = 1;

/// Flag for a request head that has begun to arrive. The lower bits are the start time.
const HEAD: u64 = 1 << 62;

/// Activity of a connection: [`BUSY`], [`CLOSED`], the time in nanoseconds since which it has been
/// idle, or [`HEAD`] with the time at which a head began to arrive.
#[derive(Debug)]
pub(super) struct Activity {
    state: AtomicU64,
    waker: AtomicWaker,
    network: Option<ClientNetwork>,
}

/// State of a connection that waits for a request or for the rest of a head. The smaller of two
/// states is closed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WaitingState(u64);

impl WaitingState {
    fn of(state: u64) -> Option<Self> {
        (state > CLOSED).then_some(Self(state))
    }

    /// True if the connection has not received any byte of a request.
    pub(super) fn is_idle(self) -> bool {
        self.0 < HEAD
    }
}

impl Activity {
    /// Creates a new connection, which is idle until its first byte arrives.
    pub(super) fn new(network: Option<ClientNetwork>) -> Self {
        let state = AtomicU64::new(nanoseconds(Instant::now()));
        Self { state, waker: AtomicWaker::new(), network }
    }

    /// Returns the network whose slot the connection uses.
    pub(super) fn network(&self) -> Option<ClientNetwork> {
        self.network
    }

    /// Records that the connection waits for a request from `now` on.
    pub(super) fn wait(&self, now: Instant) {
        self.set(|_| nanoseconds(now));
    }

    /// Records that a head has begun to arrive at `now`, unless that is already recorded. False if
    /// the connection must close instead.
    pub(super) fn begin_head(&self, now: Instant) -> bool {
        let is_idle = |state| WaitingState::of(state).is_some_and(WaitingState::is_idle);
        self.set(|state| if is_idle(state) { HEAD | nanoseconds(now) } else { state })
    }

    /// Records that a request is being answered. False if the connection must close instead.
    pub(super) fn begin_request(&self) -> bool {
        self.set(|_| BUSY)
    }

    /// True if the connection must close.
    pub(super) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) == CLOSED
    }

    /// Registers a waker that is woken once: when the connection must close, or by [`Self::wake`].
    /// Check the state after the registration, because an earlier change would be missed.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Wakes the connection, so that it notices that the server is stopping.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// Waits until the connection must close.
    pub(super) async fn closed(&self) {
        let closed = |context: &mut Context<'_>| {
            self.register(context.waker());
            if self.is_closed() { Poll::Ready(()) } else { Poll::Pending }
        };
        poll_fn(closed).await;
    }

    /// Returns the state, if the connection waits for a request or for the rest of a head.
    pub(super) fn waiting_state(&self) -> Option<WaitingState> {
        WaitingState::of(self.state.load(Ordering::Acquire))
    }

    /// Closes the connection if it is still in this state.
    pub(super) fn close(&self, state: WaitingState) -> bool {
        let closing =
            self.state.compare_exchange(state.0, CLOSED, Ordering::AcqRel, Ordering::Acquire);
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

/// Returns the nanoseconds from the first call to `time`, within the range of idle states.
fn nanoseconds(time: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    let elapsed = time.saturating_duration_since(start).as_nanos();
    u64::try_from(elapsed).unwrap_or(HEAD).clamp(CLOSED + 1, HEAD - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_waits_can_be_closed_once_and_one_that_serves_cannot() {
        let activity = Activity::new(None);
        let idle = activity.waiting_state().expect("idle at first");
        assert!(idle.is_idle());
        assert!(activity.begin_head(Instant::now()));
        let head = activity.waiting_state().expect("half a head");
        assert!(!head.is_idle() && head > idle);
        assert!(activity.begin_head(Instant::now()));
        assert_eq!(activity.waiting_state(), Some(head), "the time of its first byte");
        assert!(!activity.close(idle), "no longer in this state");
        assert!(activity.begin_request());
        assert_eq!(activity.waiting_state(), None);
        activity.wait(Instant::now());
        let idle = activity.waiting_state().expect("idle again");
        assert!(activity.close(idle));
        assert!(!activity.close(idle));
        activity.wait(Instant::now());
        assert!(
            !activity.begin_head(Instant::now()) && !activity.begin_request(),
            "closed for good"
        );
    }
}
