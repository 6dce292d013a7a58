//! Delays responses, so that those to requests that arrived together are written one after the
//! other.
//!
//! Each write wakes a reader that sleeps on this machine, such as a proxy. That costs a fifth of the
//! time of a token. In a series of writes, only the first one finds the reader asleep.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// The maximum duration of a request whose response waits for others. A wake-up is a small part of
/// slower requests, and to wait for other slow ones would double their latency. On the machine of
/// the benchmarks, a token takes 30 µs with ES256 and 300 µs with RS256, an introspection 80 µs.
const MAX_QUICK_DURATION: Duration = Duration::from_micros(100);

/// The maximum number of responses that wait. A wait lasts until every task that is ready has run
/// once. In a larger burst, the other responses are written at once, so that few wait for all.
const MAX_WAITING: usize = 64;

/// The waiting responses of a listener.
#[derive(Debug)]
pub(super) struct WriteBatch {
    places: Semaphore,
}

impl WriteBatch {
    /// Creates a batch in which no response waits.
    pub(super) fn new() -> Self {
        Self { places: Semaphore::new(MAX_WAITING) }
    }

    /// Returns the response to a request that began at `started`, after every other task that is
    /// ready has run once. Returns it at once if it was computed slowly, or if many wait already.
    pub(super) async fn wait<T>(self: Arc<Self>, response: T, started: Instant) -> T {
        if started.elapsed() < MAX_QUICK_DURATION
            && let Ok(_place) = self.places.try_acquire()
        {
            tokio::task::yield_now().await;
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_quick_response_waits_and_a_slow_one_does_not() {
        let batch = Arc::new(WriteBatch::new());
        let later = Instant::now() + Duration::from_hours(1);
        let mut quick = pin!(batch.clone().wait((), later));
        assert!(quick.as_mut().now_or_never().is_none());
        let earlier = Instant::now().checked_sub(MAX_QUICK_DURATION).expect("a time");
        assert!(batch.clone().wait((), earlier).now_or_never().is_some());
        quick.await;
        assert_eq!(batch.places.available_permits(), MAX_WAITING);
    }

    #[tokio::test]
    async fn a_response_does_not_wait_if_many_do() {
        let batch = Arc::new(WriteBatch::new());
        let later = Instant::now() + Duration::from_hours(1);
        let wait = || Box::pin(batch.clone().wait((), later));
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| wait()).collect();
        for response in &mut waiting {
            assert!(response.as_mut().now_or_never().is_none());
        }
        assert!(wait().now_or_never().is_some());
        // The connection of a waiting response ends.
        waiting.pop();
        assert!(wait().now_or_never().is_none());
    }
}
