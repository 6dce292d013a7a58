//! The event streams of this instance: how many are open, how many of one caller, and their end when
//! the server stops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::services::audited_change::Actor;

/// How many streams are open at a time. Each one has a connection of the management listener.
pub const MAX_STREAMS: usize = 32;

/// How many of them one caller may have.
pub const MAX_STREAMS_PER_CALLER: usize = 4;

/// The open streams of this instance.
#[derive(Debug, Default)]
pub struct EventStreams {
    open: Mutex<HashMap<Actor, usize>>,
    stopping: watch::Sender<bool>,
}

/// Why a stream is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamRejection {
    /// The caller has [`MAX_STREAMS_PER_CALLER`].
    OfCaller,
    /// All of [`MAX_STREAMS`] are open.
    OfInstance,
    /// The server stops.
    Stopping,
}

/// The permit of an open stream; dropping it returns it.
#[derive(Debug)]
pub struct StreamPermit {
    streams: Arc<EventStreams>,
    caller: Actor,
    stopping: watch::Receiver<bool>,
}

impl EventStreams {
    /// A permit for one more stream of a caller.
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

    /// Ends all streams, and opens none from now on.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Actor, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamPermit {
    /// True if the stream must end because the server stops.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until the server stops.
    pub async fn stopped(&mut self) {
        // The permit holds the sender, so it cannot be gone.
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
