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

/// The places for streams.
#[derive(Debug, Default)]
pub struct EventStreams {
    open: Mutex<HashMap<Actor, usize>>,
    stopping: watch::Sender<bool>,
}

/// Why a stream has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// The caller has [`MAX_STREAMS_PER_CALLER`].
    OfCaller,
    /// All of [`MAX_STREAMS`] are open.
    OfInstance,
    /// The server stops.
    Stopping,
}

/// The place of an open stream; dropping it frees it.
#[derive(Debug)]
pub struct StreamPlace {
    streams: Arc<EventStreams>,
    caller: Actor,
    stopping: watch::Receiver<bool>,
}

impl EventStreams {
    /// A place for one more stream of a caller.
    ///
    /// # Errors
    /// See [`NoPlace`].
    pub fn open(self: &Arc<Self>, caller: &Actor) -> Result<StreamPlace, NoPlace> {
        let stopping = self.stopping.subscribe();
        if *stopping.borrow() {
            return Err(NoPlace::Stopping);
        }
        let mut open = self.places();
        if open.values().sum::<usize>() >= MAX_STREAMS {
            return Err(NoPlace::OfInstance);
        }
        let of_caller = open.entry(caller.clone()).or_default();
        if *of_caller >= MAX_STREAMS_PER_CALLER {
            return Err(NoPlace::OfCaller);
        }
        *of_caller += 1;
        drop(open);
        Ok(StreamPlace { streams: self.clone(), caller: caller.clone(), stopping })
    }

    /// Ends all streams, and opens none from now on.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Actor, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamPlace {
    /// True if the stream must end because the server stops.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until the server stops.
    pub async fn stopped(&mut self) {
        // The place holds the sender, so it cannot be gone.
        let _ = self.stopping.wait_for(|stopping| *stopping).await;
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.streams.places();
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
    async fn places_are_bounded_for_each_caller_and_in_total_and_are_freed() {
        let streams = Arc::new(EventStreams::default());
        let caller = |number: usize| Actor::new("client", &number.to_string());
        let mut held: Vec<_> = (0..MAX_STREAMS)
            .map(|place| streams.open(&caller(place / MAX_STREAMS_PER_CALLER)).expect("a place"))
            .collect();
        assert_eq!(streams.open(&caller(99)).expect_err("full"), NoPlace::OfInstance);
        drop(held.pop());
        assert_eq!(streams.open(&caller(0)).expect_err("its own"), NoPlace::OfCaller);
        let mut last = streams.open(&caller(99)).expect("the freed place");
        assert!(!last.is_stopping());
        streams.stop();
        last.stopped().await;
        drop((held, last));
        assert!(streams.places().is_empty());
        assert_eq!(streams.open(&caller(0)).expect_err("stopping"), NoPlace::Stopping);
    }
}
