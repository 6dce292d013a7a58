//! Counters by one label with a closed list of values.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::telemetry::metrics::definitions::Definition;
use crate::telemetry::metrics::writer::Writer;

/// One counter for each of `N` values of a label.
#[derive(Debug)]
pub struct Counters<const N: usize> {
    values: [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> Counters<N> {
    /// Creates counters at zero.
    pub fn new(values: [&'static str; N]) -> Self {
        Self { values, counts: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// Increments the counter at an index. An index beyond the list increments the last one.
    pub fn count(&self, place: usize) {
        if let Some(count) = self.counts.get(place).or(self.counts.last()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the count at an index.
    pub fn get(&self, place: usize) -> u64 {
        self.counts.get(place).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Writes all counters including zeros, so that the first increase is visible.
    pub(super) fn write(&self, writer: &mut Writer<'_>, definition: &Definition) -> fmt::Result {
        let label = definition.labels.first().copied().unwrap_or_default();
        let mut family = writer.family(definition)?;
        for (value, count) in self.values.iter().zip(&self.counts) {
            family.counter(&[(label, value)], count.load(Ordering::Relaxed))?;
        }
        Ok(())
    }
}
