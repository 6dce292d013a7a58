//! Status of the delivery of the audit log, from the latest check of this instance.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::app::last_time::LastTime;
use crate::model::time::Timestamp;
use crate::services::audit_delivery::Delivery;

/// Result of the latest check.
#[derive(Debug, Default)]
pub struct AuditDelivery {
    behind: AtomicI64,
    /// The time of the oldest undelivered event.
    oldest: LastTime,
}

impl AuditDelivery {
    /// Records the result of a check.
    pub fn note(&self, delivery: &Delivery) {
        self.behind.store(delivery.behind, Ordering::Relaxed);
        self.oldest.set(delivery.oldest);
    }

    /// Returns the number of undelivered events.
    pub fn behind(&self) -> i64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// Returns the age of the oldest undelivered event in seconds; 0 if all are delivered. It also
    /// grows while checks fail.
    pub fn lag_seconds(&self, now: Timestamp) -> i64 {
        self.oldest.get().map_or(0, |oldest| now.seconds_since(oldest).max(0))
    }
}
