//! The gate before a database that was unavailable when the server started: until it is known to be
//! the same one as before, nothing of the server reads or writes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::{Store, StoreError};

/// Whether statements reach the database; open by default.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Gate(Arc<AtomicBool>);

impl Gate {
    /// A gate that is closed.
    pub(in crate::store) fn closed() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Store {
    /// Rejects a statement while the gate is closed.
    pub(in crate::store) fn require_open(&self) -> Result<(), StoreError> {
        if self.gate.0.load(Ordering::Acquire) { Err(StoreError::NotIdentified) } else { Ok(()) }
    }

    /// The same store beyond its gate: to look what the database is.
    #[must_use]
    pub fn beyond_gate(&self) -> Self {
        Self { gate: Gate::default(), ..self.clone() }
    }

    /// Opens the gate of this store and of all that come from it.
    pub fn open_gate(&self) {
        self.gate.0.store(false, Ordering::Release);
    }
}
