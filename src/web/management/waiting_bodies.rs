//! Large bodies that are on their way: one for each caller, and a few in all, so that a caller that
//! sends slowly holds up itself alone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many bodies of a kind are in memory at a time.
const MAX_BODIES: usize = 4;

/// The callers whose bodies are read, or are read and not used yet.
#[derive(Debug, Clone, Default)]
pub(super) struct WaitingBodies(Arc<Mutex<BTreeSet<String>>>);

/// The place of one body. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct WaitingBody {
    bodies: WaitingBodies,
    caller: String,
}

impl WaitingBodies {
    /// A place for a body of this caller; `None` if it has one, or too many others have.
    pub(super) fn enter(&self, caller: &str) -> Option<WaitingBody> {
        let mut callers = self.callers();
        if callers.len() >= MAX_BODIES || !callers.insert(caller.to_owned()) {
            return None;
        }
        Some(WaitingBody { bodies: self.clone(), caller: caller.to_owned() })
    }

    fn callers(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A thread that panicked while it held this has left a whole set.
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
