//! The gate in front of a database that was unavailable when the server started. It stays closed
//! until the server has verified that this is the same database as before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::{Store, StoreError};

/// A switch that blocks statements until the database is identified; open by default.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Gate(Arc<AtomicBool>);

impl Gate {
    pub(in crate::store) fn closed() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Store {
    /// Rejects a statement while the gate is closed.
    pub(in crate::store) fn require_open(&self) -> Result<(), StoreError> {
        if self.gate.0.load(Ordering::Acquire) { Err(StoreError::NotIdentified) } else { Ok(()) }
    }

    /// Returns this store without the gate, for identifying the database.
    #[must_use]
    pub fn beyond_gate(&self) -> Self {
        Self { gate: Gate::default(), ..self.clone() }
    }

    /// Opens the gate of this store and of all its clones.
    pub fn open_gate(&self) {
        self.gate.0.store(false, Ordering::Release);
    }
}
