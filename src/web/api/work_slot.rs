//! A slot for work that an instance runs one at a time, such as an import. A caller may send one
//! body at a time, and the number of bodies is bounded. So a slow caller delays only itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The maximum number of bodies in memory for one kind of work.
const MAX_BODIES: usize = 4;

/// The slot of the work, and the bodies that wait for it.
#[derive(Debug, Clone)]
pub(super) struct WorkSlot {
    work: Arc<Semaphore>,
    bodies: WaitingBodies,
}

impl Default for WorkSlot {
    fn default() -> Self {
        Self { work: Arc::new(Semaphore::new(1)), bodies: WaitingBodies::default() }
    }
}

impl WorkSlot {
    /// Reserves a place for a body of this caller; `None` if the caller has one already, or all are
    /// taken.
    pub(super) fn enter(&self, caller: &str) -> Option<WaitingBody> {
        self.bodies.enter(caller)
    }

    /// Takes the slot, if it is free. It is called after the body has arrived, so a slow caller
    /// does not block others.
    pub(super) fn begin(&self) -> Option<OwnedSemaphorePermit> {
        self.work.clone().try_acquire_owned().ok()
    }
}

/// The callers whose bodies are being read, or wait for the slot.
#[derive(Debug, Clone, Default)]
struct WaitingBodies(Arc<Mutex<BTreeSet<String>>>);

/// The place of one body, which is released on drop.
#[derive(Debug)]
pub(super) struct WaitingBody {
    bodies: WaitingBodies,
    caller: String,
}

impl WaitingBodies {
    fn enter(&self, caller: &str) -> Option<WaitingBody> {
        let mut callers = self.callers();
        if callers.len() >= MAX_BODIES || !callers.insert(caller.to_owned()) {
            return None;
        }
        Some(WaitingBody { bodies: self.clone(), caller: caller.to_owned() })
    }

    fn callers(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // The set is consistent even if a thread panicked while it held the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WaitingBody {
    fn drop(&mut self) {
        self.bodies.callers().remove(&self.caller);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_one_body_and_the_number_is_bounded() {
        let bodies = WaitingBodies::default();
        let first = bodies.enter("a").expect("a place");
        assert!(bodies.enter("a").is_none());
        let others: Vec<_> = ["b", "c", "d"].map(|caller| bodies.enter(caller)).into();
        assert!(others.iter().all(Option::is_some));
        assert!(bodies.enter("e").is_none());
        drop(first);
        assert!(bodies.enter("a").is_some());
    }
}
