//! Open event streams of this instance. Limits them in total and by caller, and ends them when the
//! server stops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::services::audited_change::Actor;

/// The maximum number of open streams. Each one uses a connection of the management listener.
pub const MAX_STREAMS: usize = 32;

/// The maximum number of open streams of one caller.
pub const MAX_STREAMS_PER_CALLER: usize = 4;

/// Open streams of this instance.
#[derive(Debug, Default)]
pub struct EventStreams {
    open: Mutex<HashMap<Actor, usize>>,
    stopping: watch::Sender<bool>,
}

/// Why a stream is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamRejection {
    /// The caller has [`MAX_STREAMS_PER_CALLER`] open streams.
    OfCaller,
    /// The instance has [`MAX_STREAMS`] open streams.
    OfInstance,
    /// The server is stopping.
    Stopping,
}

/// Permit of an open stream, returned when it is dropped.
#[derive(Debug)]
pub struct StreamPermit {
    streams: Arc<EventStreams>,
    caller: Actor,
    stopping: watch::Receiver<bool>,
}

impl EventStreams {
    /// Returns a permit for one more stream of a caller.
    ///
    /// # Errors
    /// See [`StreamRejection`].
    pub fn open(self: &Arc<Self>, caller: &Actor) -> Result<StreamPermit, StreamRejection> {
        let stopping = self.stopping.subscribe();
        if *stopping.borrow() {
            return Err(StreamRejection::Stopping);
        }
        let mut open = self.counts();
        if open.values().sum::<usize>() >= MAX_STREAMS {
            return Err(StreamRejection::OfInstance);
        }
        let of_caller = open.entry(caller.clone()).or_default();
        if *of_caller >= MAX_STREAMS_PER_CALLER {
            return Err(StreamRejection::OfCaller);
        }
        *of_caller += 1;
        drop(open);
        Ok(StreamPermit { streams: self.clone(), caller: caller.clone(), stopping })
    }

    /// Ends all streams, and rejects new ones.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Actor, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamPermit {
    /// True if the stream must end because the server is stopping.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until the server stops.
    pub async fn stopped(&mut self) {
        // The permit holds the sender, so the channel is not closed.
        let _ = self.stopping.wait_for(|stopping| *stopping).await;
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.streams.counts();
        match open.get_mut(&self.caller) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn permits_are_bounded_for_each_caller_and_in_total_and_are_returned() {
        let streams = Arc::new(EventStreams::default());
        let caller = |number: usize| Actor::new("client", &number.to_string());
        let mut held: Vec<_> = (0..MAX_STREAMS)
            .map(|place| streams.open(&caller(place / MAX_STREAMS_PER_CALLER)).expect("a place"))
            .collect();
        assert_eq!(streams.open(&caller(99)).expect_err("full"), StreamRejection::OfInstance);
        drop(held.pop());
        assert_eq!(streams.open(&caller(0)).expect_err("its own"), StreamRejection::OfCaller);
        let mut last = streams.open(&caller(99)).expect("the freed place");
        assert!(!last.is_stopping());
        streams.stop();
        last.stopped().await;
        drop((held, last));
        assert!(streams.counts().is_empty());
        assert_eq!(streams.open(&caller(0)).expect_err("stopping"), StreamRejection::Stopping);
    }
}
