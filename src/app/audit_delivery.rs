//! How far the delivery of the audit log was at the last look of this instance.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::model::time::Timestamp;
use crate::services::audit_delivery::Delivery;

/// The last look.
#[derive(Debug, Default)]
pub struct AuditDelivery {
    behind: AtomicI64,
    /// The time of the first event that waits; 0 if none does.
    oldest: AtomicI64,
}

impl AuditDelivery {
    /// Notes a look.
    pub fn note(&self, delivery: &Delivery) {
        self.behind.store(delivery.behind, Ordering::Relaxed);
        self.oldest.store(delivery.oldest.map_or(0, |oldest| oldest.0), Ordering::Relaxed);
    }

    /// How many events wait.
    pub fn behind(&self) -> i64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// How long the first event that waits has waited, in seconds; 0 if none does. It grows also
    /// while nothing can be looked at.
    pub fn lag_seconds(&self, now: Timestamp) -> i64 {
        match self.oldest.load(Ordering::Relaxed) {
            0 => 0,
            oldest => now.0.saturating_sub(oldest).max(0),
        }
    }
}
