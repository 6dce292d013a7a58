//! A time that a background task writes and that metrics and pages read.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::model::time::Timestamp;

/// The last time of something; `None` if it has never happened.
#[derive(Debug, Default)]
pub struct LastTime {
    /// The number of seconds since 1970; 0 for never.
    seconds: AtomicI64,
}

impl LastTime {
    /// Replaces the time.
    pub fn set(&self, time: Option<Timestamp>) {
        self.seconds.store(time.map_or(0, |time| time.0), Ordering::Relaxed);
    }

    /// Returns the time.
    pub fn get(&self) -> Option<Timestamp> {
        Some(Timestamp(self.seconds())).filter(|time| time.0 != 0)
    }

    /// Returns the time as metrics show it: in seconds since 1970, 0 for never.
    pub fn seconds(&self) -> i64 {
        self.seconds.load(Ordering::Relaxed)
    }
}
